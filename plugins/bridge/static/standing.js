// How flows stand, in parts: of all of them on the page Sync, of one in the tab of its DAG.

import { Ago, Badge, Box, Button, Flex, Heading, Id, Quiet, STATES, Since, Text, To, count, h, records, recordsOfRun, useEffect, useRef, useState } from "./kit.js";
import { Unfinished, useDecisions } from "./decisions.js";

export const ORDER = ["Stopped", "Needs you", "Late", "Running", "Paused", "Not begun", "In step"];
export const COLORS = { Stopped: "red", "Needs you": "orange", Late: "orange", Running: "blue", Paused: "gray", "Not begun": "gray", "In step": "green" };

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// The list that somebody has opened, by the page it is on: Airflow builds a page anew whenever its address changes, as it does
// with each id that is explained, and what is open has to outlive that.
const opened = new Map();

/** What was answered, with what a person may do and which list is open; `of` tells the pages apart.
 * `restored`: the list was open before the page was built anew. */
export function usePage(answer, again, of) {
  const decisions = useDecisions(again);
  const [before] = useState(opened.get(of));
  const [shown, setShown] = useState(before);
  const show = (list) => {
    const next = same(list, shown) ? undefined : list;
    opened.set(of, next);
    setShown(next);
  };
  return { ...answer, may: new Set(answer?.may_change), decisions, shown, show, restored: shown === before };
}

// Runs that would change much: the question itself is answered in Airflow's own form.
export function Questions({ questions, now }) {
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

export function NeedsYou(page) {
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
    h(Quiet, { mt: 1 }, h(To, { to: `/dags/${cause.flow}` }, cause.collection), cause.since && [" · not done ", h(Since, { key: "since", at: cause.since, now: page.now })]),
    h(
      Flex,
      { gap: 2, mt: 2, wrap: "wrap" },
      may && h(Button, { size: "sm", disabled: page.decisions.busy, onClick: () => page.decisions.retry(cause.flow, { cause: cause.cause }) }, cause.count === 1 ? "Retry" : "Retry all"),
      may && h(Button, { size: "sm", variant: "outline", disabled: page.decisions.busy, onClick: () => page.decisions.ignore(cause.flow, { cause: cause.cause }) }, "Ignore until it changes"),
      h(Button, { size: "sm", variant: "outline", "aria-expanded": open, onClick: () => page.show(of) }, open ? "Hide" : "Show"),
    ),
    open && h(Unfinished, { ...of, may, decisions: page.decisions, flows: page.flows, now: page.now }),
  );
}

/** The list that somebody has opened of a flow: of records in one state. */
export function Shown({ page }) {
  if (!page.shown || page.shown.cause !== undefined) return null;
  return h(Opened, { key: JSON.stringify(page.shown), page, ...page.shown });
}

function Opened({ page, flow, state }) {
  const box = useRef(null);
  // It is opened from anywhere in the list of flows, which may be longer than the window.
  useEffect(() => page.restored || box.current?.scrollIntoView({ block: "center" }), []);
  const { title } = page.flows.find((one) => one.flow === flow);
  return h(
    Box,
    { ref: box, borderWidth: "1px", borderRadius: "md", p: 3, mb: 3 },
    h(Flex, { key: "head", justify: "space-between", gap: 2 }, h(Heading, { as: "h3", size: "sm" }, `${title}: ${STATES[state] ?? state}`), h(Button, { size: "sm", variant: "outline", onClick: () => page.show(page.shown) }, "Hide")),
    h(Unfinished, { key: `${flow} ${state}`, flow, state, may: page.may.has(flow), decisions: page.decisions, flows: page.flows, now: page.now }),
  );
}

export function State({ flow, now }) {
  return [
    h(Badge, { key: "word", colorPalette: COLORS[flow.word], variant: "surface" }, flow.word),
    flow.as_of && h(Quiet, { key: "as of" }, "as of ", h(Ago, { at: flow.as_of, now })),
    flow.compared && h(Text, { key: "compared", fontSize: "sm", color: flow.compared.differences ? "red.fg" : "fg.muted" }, h(To, { to: flow.compared.run_id ? recordsOfRun("reconcile", flow.compared.run_id) : "/dags/reconcile" }, "compared"), " ", h(Ago, { at: flow.compared.as_of, now }), `: ${flow.compared.words}`),
  ];
}

export function Runs({ flow, now }) {
  const { last } = flow;
  return [
    last && h(Text, { key: "last" }, h(To, { to: recordsOfRun(flow.flow, last.run_id) }, "last"), " ", h(Ago, { at: last.began, now }), last.failed && ", failed"),
    flow.next_run && h(Text, { key: "next" }, "next ", h(Ago, { at: flow.next_run, now })),
  ];
}

const CHANGES = ["created", "updated", "skipped"];

// What was left out has changed nothing.
export const changed = ({ counts }) => (counts.created ?? 0) + (counts.updated ?? 0);

export function Numbers({ flow, page }) {
  const changes = CHANGES.filter((name) => flow.counts[name]).map((name) => `${count(flow.counts[name])} ${name}`);
  const lists = Object.entries({ ...flow.unfinished, ignored: flow.ignored }).filter(([, number]) => number);
  return [
    changes.length > 0 && h(Text, { key: "changes" }, changes.join(", ")),
    lists.map(([state, number]) => {
      const of = { flow: flow.flow, state };
      return h(Button, { key: state, size: "xs", variant: "outline", me: 1, mb: 1, "aria-expanded": same(of, page.shown), onClick: () => page.show(of) }, `${count(number)} ${STATES[state] ?? state}`);
    }),
    flow.webhooks > 0 && h(Text, { key: "webhooks" }, `${count(flow.webhooks)} ${flow.webhooks === 1 ? "webhook waits" : "webhooks wait"} `, h(Since, { at: flow.webhooks_since, now: page.now })),
  ];
}
