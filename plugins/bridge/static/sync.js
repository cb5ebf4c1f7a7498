// The page of all flows: whether both systems are in step, what needs a person, and how each flow stands.

import { Ago, Badge, Box, Button, Flex, Heading, Id, Input, Note, Quiet, STATES, Since, Table, Text, To, ask, count, h, records, recordsOfRun, useLive, useState } from "./kit.js";
import { Explain } from "./explain.js";
import { UnderWay } from "./progress.js";
import { Unfinished, useDecisions } from "./decisions.js";

const ORDER = ["Stopped", "Needs you", "Late", "Running", "Paused", "Never run", "In step"];
const COLORS = { Stopped: "red", "Needs you": "orange", Late: "orange", Running: "blue", Paused: "gray", "Never run": "gray", "In step": "green" };

function Sync() {
  const { answer, error, again } = useLive(() => ask("overview"), "overview");
  const decisions = useDecisions(again);
  const [shown, setShown] = useState(undefined);
  if (!answer) return h(Box, { p: 4 }, h(Text, { role: "status" }, error ?? "Looking how the flows stand …"));
  const page = { ...answer, may: new Set(answer.may_change), decisions, shown, show: (of) => setShown(same(of, shown) ? undefined : of) };
  return h(
    Box,
    { as: "main", p: 4, maxW: "90rem", overflowY: "auto", height: "full" },
    h(Sentence, page),
    h(Operations, page),
    error && h(Note, { color: "red", role: "alert" }, error),
    decisions.said.map((line, n) => h(Said, { key: n, ...line })),
    h(Explain, { now: page.now }),
    h(Questions, page),
    h(NeedsYou, page),
    h(UnderWay, page),
    h(Flows, page),
    answer.to_push > 0 && h(Note, { color: "orange" }, `iPaaS.com has yet to be told of ${count(answer.to_push)} ${answer.to_push === 1 ? "link" : "links"}. The next run of a flow from iPaaS.com does so.`),
  );
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function Sentence({ sentence, flows, now }) {
  const worst = ORDER.find((word) => flows.some((flow) => flow.word === word)) ?? "In step";
  const advice = flows.find((flow) => flow.word === "Stopped")?.advice;
  return h(
    Note,
    { color: COLORS[worst], mt: 0 },
    h(Heading, { as: "h1", size: "md", "aria-live": "polite" }, sentence),
    advice && h(Text, { mt: 1 }, advice),
    h(Quiet, { mt: 1 }, "Seen ", h(Box, { as: "time", dateTime: now }, new Date(now).toLocaleTimeString()), ". The page looks again by itself."),
  );
}

// What is run by hand, or looks at everything; a new installation begins with it.
const OPERATIONS = { preflight: "Preflight", initialize: "Initialize", manual_sync: "Manual Sync", reconcile: "Reconcile", health: "Health" };

function Operations({ flows }) {
  const fresh = flows.length > 0 && flows.every((flow) => !flow.last && !flow.as_of);
  return h(
    Box,
    { as: "nav", "aria-label": "Operations", my: 3 },
    fresh && h(Text, { mb: 1 }, "New here? Run Preflight, then Initialize, then unpause the flows."),
    h(Flex, { gap: 4, wrap: "wrap" }, Object.entries(OPERATIONS).map(([dag, name]) => h(To, { key: dag, to: `/dags/${dag}` }, name))),
  );
}

function Said({ color, text, runs }) {
  return h(
    Note,
    { color, role: "status" },
    text,
    runs.map((run, n) => h(Box, { as: "span", key: run }, " ", h(To, { to: recordsOfRun("manual_sync", run) }, runs.length === 1 ? "See the run" : `See run ${n + 1}`))),
  );
}

// Runs that would change much: the question itself is answered in Airflow's own form.
function Questions({ questions, now }) {
  if (!questions.length) return null;
  return h(
    Box,
    { as: "section", "aria-label": "Waits for approval" },
    h(Heading, { as: "h2", size: "md", mt: 5 }, "Waits for approval"),
    questions.map((one) =>
      h(
        Box,
        { as: "article", key: `${one.dag_id} ${one.run_id} ${one.flow}`, borderWidth: "1px", borderRadius: "md", p: 3, my: 3, "data-flow": one.flow },
        h(Heading, { as: "h3", size: "sm" }, one.subject),
        h(Quiet, { mt: 1 }, "asked ", h(Ago, { at: one.since, now }), ". Nothing was written yet, and the flow's other changes wait behind it."),
        h(Flex, { gap: 4, mt: 2, wrap: "wrap" }, h(To, { to: one.path }, "Approve or refuse"), h(To, { to: recordsOfRun(one.dag_id, one.run_id) }, "See all differences")),
      ),
    ),
  );
}

function NeedsYou(page) {
  if (!page.causes.length) return null;
  return h(
    Box,
    { as: "section", "aria-label": "Needs you" },
    h(Heading, { as: "h2", size: "md", mt: 5 }, "Needs you"),
    page.causes.map((cause) => h(Cause, { key: `${cause.flow} ${cause.cause}`, cause, page })),
  );
}

function Cause({ cause, page }) {
  const of = { flow: cause.flow, cause: cause.cause };
  const open = same(of, page.shown);
  const may = page.may.has(cause.flow);
  return h(
    Box,
    { as: "article", borderWidth: "1px", borderRadius: "md", p: 3, my: 3, "data-flow": cause.flow },
    h(Heading, { as: "h3", size: "sm" }, `${records(cause.count)}: ${cause.said || "no reason was given"}`),
    h(Text, { mt: 1 }, h(Id, { id: cause.example }), cause.count > 1 && ` and ${count(cause.count - 1)} more`),
    cause.advice && h(Text, { mt: 1 }, cause.advice),
    h(Quiet, { mt: 1 }, h(To, { to: `/dags/${cause.flow}` }, cause.collection), cause.since && [" · ", h(Since, { key: "since", at: cause.since, now: page.now })]),
    h(
      Flex,
      { gap: 2, mt: 2, wrap: "wrap" },
      may && h(Button, { size: "sm", disabled: page.decisions.busy, onClick: () => page.decisions.retry(cause.flow, { cause: cause.cause }) }, cause.count === 1 ? "Retry" : "Retry all"),
      may && h(Button, { size: "sm", variant: "outline", disabled: page.decisions.busy, onClick: () => page.decisions.ignore(cause.flow, { cause: cause.cause }) }, "Ignore until it changes"),
      h(Button, { size: "sm", variant: "outline", "aria-expanded": open, onClick: () => page.show(of) }, open ? "Hide" : "Show"),
    ),
    open && h(Unfinished, { ...of, may, decisions: page.decisions, now: page.now }),
  );
}

function Flows(page) {
  const [wanted, setWanted] = useState("");
  const text = wanted.trim().toLowerCase();
  const flows = page.flows.filter((flow) => [flow.flow, flow.collection, flow.word].some((name) => name.toLowerCase().includes(text)));
  const columns = [
    ["Flow", (flow) => h(Name, { flow, said: page.sentence }), { sort: (flow) => flow.flow }],
    ["State", (flow) => h(State, { flow, now: page.now }), { sort: (flow) => ORDER.indexOf(flow.word) }],
    ["Runs", (flow) => h(Runs, { flow, now: page.now })],
    ["Records", (flow) => h(Numbers, { flow, page }), { sort: changed }],
  ];
  const open = page.shown && page.shown.cause === undefined;
  return h(
    Box,
    { as: "section", "aria-label": "Flows" },
    h(Heading, { as: "h2", size: "md", mt: 5, mb: 2 }, "Flows"),
    open && h(Box, { borderWidth: "1px", borderRadius: "md", p: 3, mb: 3 }, h(Shown, { page })),
    h(Input, { size: "sm", maxW: "20rem", mb: 2, type: "search", "aria-label": "Find a flow", placeholder: "Find a flow", value: wanted, onChange: (event) => setWanted(event.target.value) }),
    h(Table, { label: "Flows", columns, rows: flows, keyOf: (flow) => flow.flow, sorted: "State" }),
    text && !flows.length && h(Text, { role: "status", my: 2 }, "There is no such flow."),
  );
}

function Shown({ page }) {
  const { flow, state } = page.shown;
  return [
    h(Flex, { key: "head", justify: "space-between", gap: 2 }, h(Heading, { as: "h3", size: "sm" }, `${flow}: ${STATES[state] ?? state}`), h(Button, { size: "sm", variant: "outline", onClick: () => page.show(page.shown) }, "Hide")),
    h(Unfinished, { key: `${flow} ${state}`, flow, state, may: page.may.has(flow), decisions: page.decisions, now: page.now }),
  ];
}

function Name({ flow, said }) {
  // What stopped a flow may have stopped them all, and stands on top.
  const unsaid = ["In step", "Needs you"].includes(flow.word) || (flow.why && said.includes(flow.why));
  return [
    h(To, { key: "flow", to: `/dags/${flow.flow}` }, flow.flow),
    h(Quiet, { key: "name" }, flow.collection),
    !unsaid && flow.why && h(Text, { key: "why", mt: 1 }, flow.why),
    !unsaid && flow.advice && h(Text, { key: "advice" }, flow.advice),
  ];
}

function State({ flow, now }) {
  return [
    h(Badge, { key: "word", colorPalette: COLORS[flow.word], variant: "surface" }, flow.word),
    flow.as_of && h(Quiet, { key: "as of" }, "as of ", h(Ago, { at: flow.as_of, now })),
    flow.compared && h(Text, { key: "compared", fontSize: "sm", color: flow.compared.differences ? "red.fg" : "fg.muted" }, h(To, { to: flow.compared.run_id ? recordsOfRun("reconcile", flow.compared.run_id) : "/dags/reconcile" }, "compared"), " ", h(Ago, { at: flow.compared.as_of, now }), `: ${flow.compared.words}`),
  ];
}

function Runs({ flow, now }) {
  const { last } = flow;
  return [
    last && h(Text, { key: "last" }, h(To, { to: recordsOfRun(flow.flow, last.run_id) }, "last"), " ", h(Ago, { at: last.began, now }), last.failed && ", failed"),
    flow.next_run && h(Text, { key: "next" }, "next ", h(Ago, { at: flow.next_run, now })),
  ];
}

const CHANGES = ["created", "updated", "skipped"];

// What was left out has changed nothing.
const changed = ({ counts }) => (counts.created ?? 0) + (counts.updated ?? 0);

function Numbers({ flow, page }) {
  const changes = CHANGES.filter((name) => flow.counts[name]).map((name) => `${count(flow.counts[name])} ${name}`);
  const lists = Object.entries({ ...flow.unfinished, ignored: flow.ignored }).filter(([, number]) => number);
  return [
    changes.length > 0 && h(Text, { key: "changes" }, changes.join(", ")),
    lists.map(([state, number]) => {
      const of = { flow: flow.flow, state };
      return h(Button, { key: state, size: "xs", variant: "outline", me: 1, mb: 1, "aria-expanded": same(of, page.shown), onClick: () => page.show(of) }, `${count(number)} ${STATES[state] ?? state}`);
    }),
    flow.webhooks > 0 && h(Text, { key: "webhooks" }, `${count(flow.webhooks)} ${flow.webhooks === 1 ? "webhook" : "webhooks"} `, h(Since, { at: flow.webhooks_since, now: page.now })),
  ];
}

globalThis.Sync = Sync;
globalThis.AirflowPlugin = Sync;
