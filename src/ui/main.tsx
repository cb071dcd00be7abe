// Starts the page: gives the state its ports, and draws it.

import { render } from "preact";
import { startEngine } from "../worker/client.ts";
import { App } from "./app.tsx";
import { findStorage, readEnvironment } from "./environment.ts";
import { watchOtherTabs } from "./other-tabs.ts";
import { createPage } from "./state/page.ts";
import "./styles/base.css";
import "./styles/header.css";
import "./styles/welcome.css";
import "./styles/chat.css";
import "./styles/composer.css";
import "./styles/panel.css";
import "./styles/queue.css";
import "./styles/benchmark.css";
import "./styles/compare.css";
import "./styles/token-strip.css";
import "./styles/chart.css";
import "./styles/document.css";

/** Put in by vite.config.ts. */
declare const __VERSION__: string;

const TICK_MS = 250;

/** Of the models beside the page, the one that the address asks for. */
function modelName(search: string): string {
  const name = new URLSearchParams(search).get("model") ?? "";
  return /^[\w-]+$/.test(name) ? name : "relampago-71m";
}

const page = createPage({
  modelUrl: new URL(`models/${modelName(location.search)}/`, document.baseURI).href,
  features: new URLSearchParams(location.search).get("features") ?? "default",
  environment: readEnvironment(),
  startEngine,
  version: __VERSION__,
  browser: navigator.userAgent,
  storage: findStorage(),
  now: () => performance.now(),
  randomSeed: () => crypto.getRandomValues(new Uint32Array(1))[0]!,
});

watchOtherTabs((numOthers) => {
  page.numOtherTabs.value = numOthers;
});
addEventListener("hashchange", () => page.navigate(location.hash));
addEventListener("online", () => page.tryNow());
setInterval(() => page.tick(), TICK_MS);
page.navigate(location.hash);
page.start();
render(<App page={page} />, document.getElementById("app")!);
