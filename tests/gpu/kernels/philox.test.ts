import { expect, it } from "vitest";
import { philox4x32 } from "../../../src/reference/philox.ts";
import { createRandom, readWords, upload, useSession } from "../harness.ts";

const session = useSession();

it("the sampler's generator is the reference's, bit for bit", async () => {
  const { device } = session();
  const random = createRandom(1);
  const words = Uint32Array.from({ length: 6 * 500 }, () => (random() + 1) * 2 ** 31);
  words.set([0, 0, 0, 0, 0, 0]);
  words.fill(0xffffffff, 6, 12);
  const inputs = upload(session(), "inputs", [500, 6], words);
  const outputs = session().createStorage("outputs", "activations", [500, 4]);
  const code = `
    @group(0) @binding(0) var<storage, read_write> inputs: array<u32>;
    @group(0) @binding(1) var<storage, read_write> outputs: array<vec4<u32>>;
    @compute @workgroup_size(1) fn draw_all(@builtin(workgroup_id) workgroup: vec3<u32>) {
      let at = workgroup.x * 6u;
      let counter = vec4<u32>(inputs[at], inputs[at + 1u], inputs[at + 2u], inputs[at + 3u]);
      outputs[workgroup.x] = philox4x32(counter, vec2<u32>(inputs[at + 4u], inputs[at + 5u]));
    }`;
  const module = device.createShaderModule({ code: code + session().shaders.get("common/philox") });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "draw_all" } });
  const entries = [inputs, outputs].map(({ buffer }, binding) => ({ binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(500);
  pass.end();
  device.queue.submit([encoder.finish()]);
  const expected = Array.from({ length: 500 }, (_, i) => {
    const [counter, key] = [words.subarray(6 * i, 6 * i + 4), words.subarray(6 * i + 4, 6 * i + 6)];
    return philox4x32([...counter], [...key]);
  });
  expect([...new Uint32Array(await readWords(session(), outputs))]).toEqual(expected.flat());
});
