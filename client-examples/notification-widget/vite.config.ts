import { defineConfig } from "vite";
import { compressed } from "../site.ts";

export default defineConfig({
  plugins: [compressed()],
  build: {
    target: ["es2022", "safari15", "chrome94", "firefox93"],
    modulePreload: false,
    rolldownOptions: {
      input: "src/element.ts",
      output: { entryFileNames: "espace-citoyens-notifications.js" },
    },
  },
});
