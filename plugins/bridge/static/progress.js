// How far runs have come that are under way: what is done of each flow, how fast it goes, and what it waits for.

import { Box, ChakraUI, Flex, Heading, Quiet, Since, Text, To, count, h, recordsOfRun } from "./kit.js";

const { Progress } = ChakraUI;
const AT = { extract: "reading", transform: "looking what has changed", look: "reading the other side's list", load: "writing", report: "adding up" };
const OF_SEVERAL = { initialize: "Initialize", reconcile: "Reconcile" };

export function UnderWay({ under_way: runs, now }) {
  if (!runs.length) return null;
  return h(
    Box,
    { as: "section", "aria-label": "Under way" },
    h(Heading, { as: "h2", size: "md", mt: 5, mb: 2 }, "Under way"),
    runs.map((run) => h(Run, { key: `${run.dag_id} ${run.run_id}`, run, now })),
  );
}

function Run({ run, now }) {
  const name = OF_SEVERAL[run.dag_id] ?? (run.dag_id === run.flow ? run.flow : `${run.flow} by hand`);
  return h(
    Box,
    { as: "article", mb: 2 },
    h(Text, null, h(To, { to: recordsOfRun(run.dag_id, run.run_id) }, name), run.state === "queued" ? ", queued" : [", ", h(Since, { key: "began", at: run.began, now })]),
    h(Progressed, { run }),
  );
}

/** What a run has done and is at; nothing of one that has not begun. */
export function Progressed({ run }) {
  return h(
    Box,
    { role: "status" },
    run.waits && h(Text, null, run.waits),
    run.flow === null && run.flows > 0 && h(Text, null, `${count(run.ended)} of ${count(run.flows)} flows done`),
    run.parts.map((part) => h(Part, { key: part.flow, part, named: run.flow === null })),
  );
}

function Part({ part, named }) {
  const { stage, said, left, waits, done, of } = part;
  return h(
    Box,
    { my: 1, "data-flow": part.flow },
    h(Flex, { gap: 2, wrap: "wrap", align: "baseline" }, named && h(Text, { fontWeight: "semibold" }, part.flow), !waits && h(Text, null, AT[stage]), h(Quiet, null, [said, left].filter(Boolean).join(" · "))),
    waits && h(Text, { color: "orange.fg" }, waits),
    of > 0 && h(Progress.Root, { value: Math.min(done, of), max: of, size: "xs", maxW: "24rem", my: 1, "aria-label": `${part.flow}: ${AT[stage]}` }, h(Progress.Track, null, h(Progress.Range))),
  );
}
