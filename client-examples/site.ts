import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin, UserConfig } from "vite";

const API = process.env.ESPACE_URL ?? "http://localhost:8000";

/** How both sites are built: `base` is where the site lies, with a slash at both ends. */
export function site(base: string): UserConfig {
  const ofApi = ["/graphql", "/uploads", "/files", "/captcha", "/calendar", "/appearance.css", "/logo"];
  return {
    base,
    plugins: [react(), compressed()],
    // Phones of six years ago.
    build: {
      target: ["es2022", "safari15", "chrome94", "firefox93"],
      assetsInlineLimit: 0,
      sourcemap: false,
    },
    server: {
      proxy: Object.fromEntries(ofApi.map((path) => [path, { target: API, ws: path === "/graphql" }])),
    },
  };
}

/** Writes what browsers may take in the place of each text: the server has nothing to compress. */
export function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    async writeBundle({ dir }) {
      for (const entry of await readdir(dir ?? "dist", { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(entry.name)) continue;
        const file = join(entry.parentPath, entry.name);
        const content = await readFile(file);
        await writeFile(`${file}.br`, brotliCompressSync(content));
        await writeFile(`${file}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}
