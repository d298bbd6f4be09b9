import "@espace-citoyens/kit/style/index.css";
import "./portal.css";
import { DoorProvider } from "@espace-citoyens/kit/door.tsx";
import { Announcer } from "@espace-citoyens/kit/elements/Announcer.tsx";
import { LanguageProvider } from "@espace-citoyens/kit/language.tsx";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.tsx";

const place = document.getElementById("site");
if (place === null) throw new Error("The page has no place for the site");
createRoot(place).render(
  <StrictMode>
    <LanguageProvider>
      <DoorProvider>
        <Announcer>
          <App />
        </Announcer>
      </DoorProvider>
    </LanguageProvider>
  </StrictMode>,
);
