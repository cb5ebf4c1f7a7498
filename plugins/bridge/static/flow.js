// The tab of a flow's DAG: how the flow stands, what needs a person in it, and what its last runs did.

import { Ago, Box, Heading, Note, Quiet, Table, Text, To, ask, counted, h, recordsOfRun, useLive } from "./kit.js";
import { Said } from "./decisions.js";
import { UnderWay } from "./progress.js";
import { NeedsYou, Numbers, Questions, Runs, Shown, State, usePage } from "./standing.js";

function FlowState({ dagId }) {
  const { answer, error, again, key } = useLive(() => ask("flow", { dag_id: dagId }), dagId);
  const page = usePage(answer, again, dagId);
  if (!answer || key !== dagId) return h(Box, { p: 4 }, h(Text, { role: "status" }, error ?? "Looking how the flow stands …"));
  const [flow] = answer.flows;
  if (!flow) return h(Box, { p: 4 }, h(Text, null, "This tab is about the flows between Business Central and iPaaS.com. How all of them stand is on the page ", h(To, { to: "/plugin/sync" }, "Sync"), "."));
  return h(
    Box,
    { as: "section", p: 4, "aria-label": "State" },
    h(Heading, { as: "h1", size: "md", mb: 2 }, flow.title),
    error && h(Note, { color: "red", role: "alert" }, error),
    h(State, { flow, now: page.now }),
    flow.word !== "In step" && flow.why && h(Text, { mt: 1 }, flow.why),
    flow.word !== "In step" && flow.advice && h(Text, null, flow.advice),
    h(Box, { my: 3 }, h(Runs, { flow, now: page.now }), h(Numbers, { flow, page })),
    h(Shown, { page }),
    page.decisions.said.map((line, n) => h(Said, { key: n, ...line })),
    h(Questions, page),
    h(NeedsYou, page),
    h(UnderWay, page),
    h(LastRuns, { dagId, ...page }),
    h(Quiet, { mt: 3 }, "How all flows stand, and what is known of a record: the page ", h(To, { to: "/plugin/sync" }, "Sync"), "."),
  );
}

function LastRuns({ dagId, runs, now }) {
  const columns = [
    ["Run", (run) => h(To, { to: recordsOfRun(dagId, run.run_id) }, run.began ? h(Ago, { at: run.began, now }) : "not begun")],
    ["Started by", (run) => run.by],
    ["Is", (run) => h(Text, { color: { failed: "red.fg", success: "green.fg" }[run.state] }, run.state)],
    ["What became of its records", (run) => told(run)],
  ];
  return [
    h(Heading, { key: "head", as: "h2", size: "md", mt: 5, mb: 2 }, "Last runs"),
    runs.length ? h(Table, { key: "runs", label: "Last runs", columns, rows: runs, keyOf: (run) => run.run_id }) : h(Text, { key: "none" }, "It has never run."),
  ];
}

function told({ counts, writes }) {
  return Object.entries(counts)
    .filter(([name]) => !name.endsWith("requests"))
    .map(([name, number]) => counted(number, name, !writes))
    .join(", ");
}

globalThis.State = FlowState;
globalThis.AirflowPlugin = FlowState;
