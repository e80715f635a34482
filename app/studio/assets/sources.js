// A decision as the text of the surface that was asked for.

/** `[heading, text]` for each part of it. */
export function sources({decision, lists}, surface) {
  const placements = Object.entries(decision.placements);
  if (surface === "json") return [["", JSON.stringify(Object.fromEntries(placements.map(([id, {content, ...each}]) => [id, each])), null, 2)]];
  if (surface === "text") return [["", placements.map(([, each]) => each.content.trim()).join("\n\n\n")]];
  const markup = placements.map(([, each]) => each.content).join("\n").trim();
  return [["Markup, as the mail carries it", markup], ["Data, as the inbox fetches it at open", JSON.stringify(lists, null, 2)]];
}
