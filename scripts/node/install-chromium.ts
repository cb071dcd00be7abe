// Makes sure that there is a Chromium to test the page in.

import { spawnSync } from "node:child_process";
import { findChromium } from "./chromium.ts";

const CHROME_ADDRESS = "https://www.google.com/chrome";

/** The installed Chromium or Chrome; on Linux, where apt and the right to use it are there, it is installed first.
 * @throws with what to install */
export function ensureChromium(): string {
  const found = findChromium() ?? (installWithApt() ? findChromium() : undefined);
  if (found) return found;
  const advice =
    process.platform === "linux"
      ? "Install it, on Debian with: apt-get install chromium"
      : `Install Chrome from ${CHROME_ADDRESS}, or name a browser in CHROMIUM_PATH.`;
  throw new Error(`Chromium: expected an installed one, got none. ${advice}`);
}

function installWithApt(): boolean {
  if (process.platform !== "linux" || !runs("apt-get", ["--version"])) return false;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !runs("sudo", ["-n", "true"])) return false;
  process.stderr.write("Chromium is missing: installing it with apt-get\n");
  const install = (args: readonly string[]): boolean => {
    const command = ["apt-get", "-qq", ...args];
    const [program, ...rest] = isRoot ? command : ["sudo", "-n", ...command];
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    return spawnSync(program!, rest, { stdio: ["ignore", 2, 2], env }).status === 0;
  };
  return install(["update"]) && install(["install", "-y", "--no-install-recommends", "chromium"]);
}

function runs(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}
