// `npm start`: serves the site with its weights on this machine, and opens the browser where there is one.

import { createServer } from "vite";

const server = await createServer({ server: { open: hasBrowser() } });
await server.listen();
server.printUrls();

/** Whether a window can open here: not over ssh, in CI or without a display. */
function hasBrowser(): boolean {
  const { CI, SSH_CONNECTION, DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (CI || SSH_CONNECTION) return false;
  return process.platform !== "linux" || Boolean(DISPLAY || WAYLAND_DISPLAY);
}
