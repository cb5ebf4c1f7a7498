// The page of all flows: whether both systems are in step, what needs a person, and how each flow stands.

import { BROKEN, Box, Broken, Flex, Heading, Input, Note, Quiet, Table, Text, To, ask, clock, count, h, useLive, useState } from "./kit.js";
import { Explain } from "./explain.js";
import { UnderWay } from "./progress.js";
import { Said } from "./decisions.js";
import { COLORS, NeedsYou, Numbers, ORDER, Questions, Runs, Shown, State, changed, usePage } from "./standing.js";

function Sync() {
  const { answer, error, again } = useLive(() => ask("overview"), "overview");
  const page = usePage(answer, again, "sync");
  if (!answer) return h(Box, { p: 4 }, h(Text, { role: "status" }, error ?? "Looking how the flows stand …"));
  return h(
    Box,
    { as: "main", p: 4, maxW: "90rem", overflowY: "auto", height: "full" },
    h(Sentence, page),
    h(Operations, page),
    error && h(Note, { color: "red", role: "alert" }, error),
    page.decisions.said.map((line, n) => h(Said, { key: n, ...line })),
    h(Explain, { now: page.now, flows: page.flows }),
    h(Questions, page),
    h(NeedsYou, page),
    h(UnderWay, page),
    h(Flows, page),
    answer.to_push > 0 && h(Note, { color: "orange" }, `iPaaS.com has yet to be told of ${count(answer.to_push)} ${answer.to_push === 1 ? "link" : "links"}. The next run of a flow from iPaaS.com does so.`),
  );
}

function Sentence({ sentence, flows, now }) {
  const worst = ORDER.find((word) => flows.some((flow) => flow.word === word)) ?? "In step";
  const advice = flows.find((flow) => flow.word === "Stopped")?.advice;
  return h(
    Note,
    { color: COLORS[worst], mt: 0 },
    h(Heading, { as: "h1", size: "md", "aria-live": "polite" }, sentence),
    advice && h(Text, { mt: 1 }, advice),
    h(Quiet, { mt: 1 }, "Seen ", h(Box, { as: "time", dateTime: now }, clock(now)), ". The page looks again by itself."),
  );
}

// What is run by hand, or looks at everything; a new installation begins with it.
const OPERATIONS = { preflight: "Preflight", initialize: "Initialize", manual_sync: "Manual Sync", reconcile: "Reconcile", health: "Health" };

function Operations({ flows }) {
  const fresh = flows.length > 0 && flows.every((flow) => !flow.last && !flow.as_of);
  const paused = flows.filter((flow) => flow.paused).length;
  return h(
    Box,
    { as: "nav", "aria-label": "Operations", my: 3 },
    fresh && h(Text, { mb: 1 }, "New here? Run Preflight, then Initialize, then unpause the flows."),
    // Nothing goes on by itself until that is done.
    !fresh && paused > flows.length / 2 && h(Text, { mb: 1 }, `${count(paused)} of ${count(flows.length)} flows are paused: unpause those that are to go on by themselves, in Airflow's `, h(To, { to: "/dags" }, "list of DAGs"), "."),
    h(Flex, { gap: 4, wrap: "wrap" }, Object.entries(OPERATIONS).map(([dag, name]) => h(To, { key: dag, to: `/dags/${dag}` }, name))),
  );
}

function Flows(page) {
  const [wanted, setWanted] = useState("");
  const text = wanted.trim().toLowerCase();
  const flows = page.flows.filter((flow) => [flow.flow, flow.collection, flow.word].some((name) => name.toLowerCase().includes(text)));
  const columns = [
    ["Flow", (flow) => h(Name, { flow, said: page.sentence }), { ...BROKEN, sort: (flow) => flow.flow }],
    ["State", (flow) => h(State, { flow, now: page.now }), { sort: (flow) => ORDER.indexOf(flow.word) }],
    ["Runs", (flow) => h(Runs, { flow, now: page.now })],
    ["Records", (flow) => h(Numbers, { flow, page }), { sort: changed }],
  ];
  return h(
    Box,
    { as: "section", "aria-label": "Flows" },
    h(Heading, { as: "h2", size: "md", mt: 5, mb: 2 }, "Flows"),
    h(Shown, { page }),
    h(Input, { size: "sm", maxW: "20rem", mb: 2, type: "search", "aria-label": "Find a flow", placeholder: "Find a flow", value: wanted, onChange: (event) => setWanted(event.target.value) }),
    h(Table, { label: "Flows", columns, rows: flows, keyOf: (flow) => flow.flow, sorted: "State" }),
    text && !flows.length && h(Text, { role: "status", my: 2 }, "There is no such flow."),
  );
}

function Name({ flow, said }) {
  // What stopped a flow may have stopped them all, and stands on top.
  const unsaid = ["In step", "Needs you"].includes(flow.word) || (flow.why && said.includes(flow.why));
  return [
    h(To, { key: "flow", to: `/dags/${flow.flow}`, "aria-label": flow.flow }, h(Broken, { name: flow.flow })),
    h(Quiet, { key: "name" }, flow.collection),
    !unsaid && flow.why && h(Text, { key: "why", mt: 1 }, flow.why),
    !unsaid && flow.advice && h(Text, { key: "advice" }, flow.advice),
  ];
}

globalThis.Sync = Sync;
globalThis.AirflowPlugin = Sync;
