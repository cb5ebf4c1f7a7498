// The tab of a run: what became of each of its records, with what to do.

import { Advice, BROKEN, Box, Broken, Button, Flex, Heading, Id, Note, Out, Pager, Quiet, Search, Table, Text, To, ask, count, counted, h, useLive, useState } from "./kit.js";
import { Progressed } from "./progress.js";

const COLORS = { failed: "red.fg", retrying: "orange.fg", waiting: "orange.fg", created: "green.fg", updated: "green.fg" };

function Records({ dagId, runId }) {
  const [flow, setFlow] = useState("");
  const [result, setResult] = useState("");
  const [search, setSearch] = useState("");
  const [offset, setOffset] = useState(0);
  const [sort, setSort] = useState("result");
  const asked = { dag_id: dagId, run_id: runId, flow, result, search, sort, offset };
  const { answer, error } = useLive(() => ask("report", asked), JSON.stringify(asked), { seldom: 60_000 });
  if (!answer) return h(Box, { p: 4 }, h(Text, { role: "status" }, error ?? "Looking at the records of the run …"));
  if (!answer.ours) return h(Box, { p: 4 }, h(Text, null, "This tab is about runs of the flows between Business Central and iPaaS.com. This run is none of them."));
  const { report, problems, state, flows, lines } = answer;
  const open = (name) => [setFlow(name), setResult(""), setSearch(""), setOffset(0)];
  const choose = (name) => [setResult(name === result ? "" : name), setOffset(0)];
  return h(
    Box,
    { as: "section", p: 4, "aria-label": "Records" },
    error && h(Note, { color: "red", role: "alert" }, error),
    problems.map((problem, n) => h(Note, { key: n, color: "red" }, h(Text, { fontWeight: "semibold" }, problem.what), h(Advice, { text: problem.advice }))),
    answer.questions.map((one) => h(Note, { key: one.path, color: "orange" }, h(Text, { fontWeight: "semibold" }, "Waits for approval: nothing was written yet."), h(To, { to: one.path }, one.subject))),
    flow && h(Button, { size: "sm", variant: "outline", onClick: () => open("") }, "All flows of the run"),
    flows && h(Flows, { flows, mode: answer.mode, applying: answer.applying, open }),
    answer.progress && h(Progressed, { run: answer.progress }),
    lines && h(Inspected, { lines }),
    report && h(Head, { report, dagId, runId }),
    report && h(Counts, { report, result, choose }),
    report?.warnings.map((warning, n) => h(Note, { key: n, color: "orange" }, warning)),
    report && h(Lines, { report, search, setSearch: (text) => [setSearch(text), setOffset(0)], sort, setSort: (by) => [setSort(by), setOffset(0)], setOffset }),
    !report && !flows?.length && !lines?.length && problems.length === 0 && h(Text, { role: "status" }, nothing(state)),
  );
}

function nothing(state) {
  if (state === null) return "There is no such run.";
  if (["queued", "running"].includes(state)) return "The run is under way. What became of its records is here when it has come to its end.";
  return "There is no report of this run: it did not come to its end, or its files have been cleared away.";
}

// How far a run has come with each of its flows.
function Flows({ flows, mode, applying, open }) {
  const would = mode in WITHOUT_WRITING;
  const columns = [
    ["Flow", (one) => [h(Button, { key: "open", size: "sm", variant: "outline", onClick: () => open(one.flow), "aria-label": one.flow, height: "auto", whiteSpace: "normal", textAlign: "start" }, h("span", null, h(Broken, { name: one.flow }))), h(Quiet, { key: "name" }, one.collection)], { ...BROKEN, sort: (one) => one.flow }],
    ["Is", (one) => h(Text, { color: one.task.includes("failed") ? "red.fg" : one.task === "success" ? "green.fg" : undefined }, one.task.replaceAll("_", " ")), { sort: (one) => one.task }],
    flows.some((one) => one.compared) && ["Compared", (one) => one.compared && h(Compared, one.compared)],
    ["What became of its records", (one) => Object.entries(one.counts).filter(([name, number]) => number && !name.endsWith("requests")).map(([name, number]) => h(Text, { key: name, color: colorOf(name, would) }, counted(number, name, would)))],
  ].filter(Boolean);
  return [
    would && h(Text, { key: "plan", fontWeight: "semibold" }, [WITHOUT_WRITING[mode], applying].filter(Boolean).join(" ")),
    h(Table, { key: "flows", label: "Flows of the run", columns, rows: flows, keyOf: (one) => one.flow }),
  ];
}

// What a comparison of both sides has found in a flow.
function Compared({ left, differences, healed, unfinished, doubted }) {
  return [
    h(Text, { key: "left", color: differences ? "red.fg" : "green.fg" }, differences ? Object.entries(left).map(([name, number]) => `${count(number)} ${name}`).join(", ") : "no differences"),
    healed > 0 && h(Text, { key: "healed", color: "green.fg" }, `${count(healed)} healed`),
    unfinished > 0 && h(Text, { key: "unfinished", color: "orange.fg" }, `${count(unfinished)} could not be compared: they are not done`),
    doubted && h(Quiet, { key: "doubted" }, doubted),
  ];
}

// What was looked at before anything is moved.
function Inspected({ lines }) {
  const colors = { RED: "red.fg", good: "green.fg" };
  const columns = [
    ["What", (one) => one.line],
    ["Is", (one) => h(Text, { color: colors[one.word] ?? "fg.muted" }, one.word)],
    ["What was found", (one) => one.said],
    ["What to do", (one) => one.step],
  ];
  return h(Table, { label: "What was looked at", columns, rows: lines, keyOf: (one) => one.line });
}

// What a run is that writes nothing. Only a plan is there to be applied.
const WITHOUT_WRITING = {
  plan: "A plan: nothing was written.",
  explain: "What each side has: nothing was written.",
  report: "What differs between both sides: nothing was written.",
};

function Head({ report, dagId, runId }) {
  const doc = new URLSearchParams({ dag_id: report.flow, from_dag: dagId, run_id: runId });
  return [
    h(Heading, { key: "name", as: "h1", size: "md" }, report.collection ?? report.flow),
    WITHOUT_WRITING[report.mode] && h(Text, { key: "plan", fontWeight: "semibold" }, WITHOUT_WRITING[report.mode]),
    report.applying && h(Text, { key: "applying" }, report.applying),
    h(Quiet, { key: "kind" }, report.kind, " ", h(Out, { href: new URL(`sync/doc?${doc}`, document.baseURI).href }, "Documentation of this flow")),
  ];
}

// What was not written is nobody's success.
const colorOf = (name, would) => (would && ["created", "updated"].includes(name) ? undefined : COLORS[name]);

function Counts({ report, result, choose }) {
  const would = report.mode in WITHOUT_WRITING;
  const counts = Object.entries(report.counts).filter(([, number]) => number);
  return h(
    Flex,
    { gap: 2, my: 3, wrap: "wrap", align: "center" },
    counts.map(([name, number]) => {
      const text = counted(number, name, would);
      if (!report.of_result[name] && name !== result) return h(Text, { key: name, px: 2, color: colorOf(name, would) }, text);
      return h(Button, { key: name, size: "sm", variant: name === result ? "solid" : "outline", "aria-pressed": name === result, onClick: () => choose(name) }, text);
    }),
  );
}

function Lines({ report, search, setSearch, sort, setSort, setOffset }) {
  const plan = report.mode === "plan";
  const would = report.mode in WITHOUT_WRITING;
  const some = (name) => report.records.some((record) => record[name]?.length);
  const columns = [
    ["Record", (record) => h(Key, { record }), { sort: "record" }],
    [would ? "Would be" : "Outcome", (record) => [h(Text, { key: "result", color: colorOf(record.result, would) }, record.result), record.difference && h(Text, { key: "difference", fontWeight: "semibold" }, record.difference), record.kind && record.kind !== record.result && h(Quiet, { key: "kind" }, record.kind)], { sort: "result" }],
    (some("message") || some("notes")) && [plan ? "What would happen" : would ? "What was found" : "What happened", (record) => h(Happened, { record })],
    some("advice") && ["What to do", (record) => record.advice],
    some("both") && ["Both sides now", (record) => h(Both, { record, report })],
    some("changes") && !some("both") && [would ? "Fields that would change" : "Fields", (record) => h(Changes, { record })],
  ].filter(Boolean);
  if (!report.total && !search && !Object.keys(report.of_result).length) return h(Text, null, "Nothing but unchanged records.");
  return [
    h(Search, { key: "search", label: "Find a record", onSearch: setSearch }),
    report.total ? h(Table, { key: "lines", label: "Records of the run", order: sort, onOrder: setSort, columns, rows: report.records, keyOf: (record) => `${record.key} ${record.result}` }) : h(Text, { key: "none", my: 2 }, "There is no such record."),
    h(Pager, { key: "pager", ...report, onTurn: setOffset }),
  ];
}

function Key({ record }) {
  return [
    h(Id, { key: "key", id: record.key, address: record.address, portal: record.portal }),
    record.name && h(Quiet, { key: "name" }, `asked for as ${record.name}`),
    record.target_id !== undefined && h(Quiet, { key: "target" }, `→ ${record.target_id}`),
  ];
}

function Happened({ record }) {
  return [record.message, ...(record.notes ?? [])].filter(Boolean).map((text, n) => h(Text, { key: n }, text));
}

function Changes({ record }) {
  const { changes = [], more_changes: more } = record;
  return [...changes.map((change) => h(Text, { key: change.field }, said(change))), more && h(Quiet, { key: "more" }, `… and ${count(more)} more`)];
}

// What each side has of a record's fields, where it is explained; those that differ come first.
function Both({ record: { both = [] }, report: { source, target } }) {
  const compared = both.some((one) => "target" in one || one.differs);
  const [open, setOpen] = useState(!compared);
  const differing = both.filter((one) => one.differs);
  const shown = open ? both : differing;
  return [
    h(Text, { key: "differ", color: differing.length ? "red.fg" : compared ? "green.fg" : "fg.muted" }, compared ? (differing.length ? `${count(differing.length)} of ${count(both.length)} fields differ` : "no field differs") : `not compared: ${both.some((one) => "source" in one) ? `what ${source} has, and ` : ""}what was agreed last`),
    ...shown.map((one) => h(Text, { key: one.field }, `${one.field}: ${["source" in one && `${source} ${one.source}`, "target" in one && `${target} ${one.target}`, "agreed" in one && `agreed ${one.agreed}`].filter(Boolean).join(", ")}`)),
    compared && both.length > differing.length && h(Button, { key: "open", size: "xs", variant: "outline", "aria-expanded": open, onClick: () => setOpen(!open) }, open ? "Those that differ" : "All fields"),
  ];
}

function said(change) {
  if (!("after" in change)) return change.field;
  return `${change.field}: ${"before" in change ? change.before : "∅"} → ${change.after}`;
}

globalThis.Records = Records;
globalThis.AirflowPlugin = Records;
