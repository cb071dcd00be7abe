// Finds an installed Chromium or Chrome, for browser tests and for the software GPU driver that it carries.

import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";

const COMMANDS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge"];

const MAC_PATHS = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];

const WINDOWS_PATHS = ["Google\\Chrome\\Application\\chrome.exe", "Microsoft\\Edge\\Application\\msedge.exe"];

/** Where Linux packages put Chromium's own files, the software driver among them. */
const LINUX_FOLDERS = [
  "/usr/lib/chromium",
  "/usr/lib/chromium-browser",
  "/usr/lib64/chromium",
  "/usr/lib64/chromium-browser",
  "/opt/google/chrome",
  "/opt/google/chrome-beta",
  "/opt/chromium.org/chromium",
  "/opt/microsoft/msedge",
  "/snap/chromium/current/usr/lib/chromium-browser",
];

const DRIVER_FILES = ["libvulkan.so.1", "libvk_swiftshader.so", "vk_swiftshader_icd.json"];

/** The browser that CHROMIUM_PATH names, else an installed one; undefined when there is none. */
export function findChromium(): string | undefined {
  const named = process.env.CHROMIUM_PATH;
  if (named) {
    if (!existsSync(named)) throw new Error(`CHROMIUM_PATH: expected a browser, got ${named}, which does not exist`);
    return named;
  }
  return [...installedPaths(), ...playwrightFolders().map((folder) => join(folder, "chrome"))].find(existsSync);
}

/** A folder with Vulkan's loader and SwiftShader, Chromium's software driver; undefined when there is none. */
export function findSoftwareDriver(): string | undefined {
  const named = process.env.CHROMIUM_PATH;
  const folders = [...(named ? [dirname(named)] : []), ...LINUX_FOLDERS, ...playwrightFolders()];
  return folders.find((folder) => DRIVER_FILES.every((file) => existsSync(join(folder, file))));
}

function installedPaths(): string[] {
  switch (process.platform) {
    case "darwin":
      return MAC_PATHS.flatMap((path) => [path, join(homedir(), path)]);
    case "win32": {
      const { ProgramFiles, "ProgramFiles(x86)": programFilesX86, LOCALAPPDATA } = process.env;
      const roots = [ProgramFiles, programFilesX86, LOCALAPPDATA].filter((root) => root !== undefined);
      return WINDOWS_PATHS.flatMap((path) => roots.map((root) => join(root, path)));
    }
    default: {
      const folders = (process.env.PATH ?? "").split(delimiter);
      return COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command)));
    }
  }
}

/** Chromium as Playwright installs it on Linux. */
function playwrightFolders(): string[] {
  const root = process.env.PLAYWRIGHT_BROWSERS_PATH ?? join(homedir(), ".cache/ms-playwright");
  if (process.platform !== "linux" || !existsSync(root)) return [];
  const versions = readdirSync(root).filter((name) => name.startsWith("chromium-"));
  return versions.flatMap((name) => [join(root, name, "chrome-linux"), join(root, name, "chrome-linux64")]);
}
