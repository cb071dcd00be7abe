// The engine on devices that are lost at more moments than tests/worker/recovery.test.ts has.

import { test } from "vitest";
import { useSite } from "../worker/engine-under-test.ts";
import { loseDevicesAt } from "../worker/losses.ts";

const site = useSite();

test("a device that is lost at any of 20 moments of loading, reading and writing changes no answer", async () => {
  await loseDevicesAt(site, 5, 15);
});
