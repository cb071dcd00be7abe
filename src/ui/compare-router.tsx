// Which experts the router chose for each token of a layer, as a strip under the text, and how the load is shared.

import type { InspectedModel } from "../compare/inspection-result.ts";

interface CompareRouterProps {
  readonly model: InspectedModel;
  readonly layer: number;
  readonly tokens: readonly string[];
}

function Load({ load }: { load: readonly number[] }) {
  return (
    <table class="router-load">
      <caption>Load of each expert; an even share is {(100 / load.length).toFixed(0)} %</caption>
      <tbody>
        {load.map((share, expert) => (
          <tr key={expert}>
            <th scope="row">{expert + 1}</th>
            <td>
              <span class="bench-bar" aria-hidden="true">
                <span style={{ inlineSize: `${100 * share}%` }} />
              </span>
            </td>
            <td class="measure">{(100 * share).toFixed(0)} %</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function CompareRouter({ model, layer, tokens }: CompareRouterProps) {
  const { expertIds, load } = model.layers[layer]!;
  const { expertsPerToken } = model;
  return (
    <div class="compare-chart">
      <h3>
        Experts of {model.name}, layer {layer + 1}
      </h3>
      <p>
        The router takes the {expertsPerToken} likeliest of {load.length} experts for each token by softmax(x W
        <sub>router</sub>) and mixes their outputs. Their numbers stand under each token, the weightier one first; marks
        in the row of an expert show where it worked.
      </p>
      <div class="router-strip" tabIndex={0} role="region" aria-label="Experts of each token">
        <table>
          <tbody>
            <tr>
              <th scope="row">token</th>
              {tokens.map((token, index) => (
                <td key={index}>{token.replace(/\n/g, "⏎")}</td>
              ))}
            </tr>
            <tr>
              <th scope="row">experts</th>
              {tokens.map((_, index) => {
                const chosen = expertIds.subarray(index * expertsPerToken, (index + 1) * expertsPerToken);
                return (
                  <td key={index} class="measure">
                    {[...chosen].map((expert) => expert + 1).join(" ")}
                  </td>
                );
              })}
            </tr>
            {load.map((_, expert) => (
              <tr key={expert} aria-hidden="true">
                <th>{expert + 1}</th>
                {tokens.map((_, index) => {
                  const place = expertIds
                    .subarray(index * expertsPerToken, (index + 1) * expertsPerToken)
                    .indexOf(expert);
                  return <td key={index} class={place < 0 ? "" : place === 0 ? "router-first" : "router-other"} />;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Load load={load} />
    </div>
  );
}
