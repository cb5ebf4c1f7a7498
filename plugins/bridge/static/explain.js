// The box that explains an id of either side: what is remembered of it, and what it waits for.

import { Ago, Box, Button, Flex, Heading, Id, ChakraUI, InPortal, Input, NextTry, Note, Quiet, ReactRouterDOM, STATES, Since, Table, Text, To, ask, askAirflow, count, h, records, recordsOfRun, useEffect, useRef, useState } from "./kit.js";

const SHOWN = 20;

export function Explain({ now, flows }) {
  // The id stands in the address: so any id elsewhere is a link to this box, and the way back is the browser's own.
  const [query, setQuery] = ReactRouterDOM.useSearchParams();
  const id = query.get("explain") ?? "";
  const [text, setText] = useState(id);
  const [found, setFound] = useState(undefined);
  const [turn, setTurn] = useState(0);
  const explain = (other) => [setQuery(other ? { explain: other } : {}), setTurn(turn + 1)];
  useEffect(() => {
    let stopped = false;
    setText(id);
    setFound(undefined);
    if (!id) return undefined;
    ask("explain", { id }).then(
      (answer) => stopped || setFound({ id, answer }),
      (error) => stopped || setFound({ id, error: error.message }),
    );
    return () => {
      stopped = true;
    };
  }, [id, turn]);
  const box = useRef(null);
  // Airflow has built the page anew for the new address, and whoever has come here by the keyboard stood nowhere.
  useEffect(() => {
    if (found && document.activeElement === document.body) box.current.focus({ preventScroll: true });
  }, [found]);
  return h(
    Box,
    { as: "section", "aria-label": "Explain a record", my: 3, ref: box, tabIndex: -1, outline: "none" },
    h(
      Flex,
      { as: "form", gap: 2, wrap: "wrap", role: "search", onSubmit: (event) => [event.preventDefault(), explain(text.trim())] },
      h(Input, { size: "sm", maxW: "24rem", type: "search", "aria-label": "Ids of records, of either side", placeholder: "Ids of records, of either side", value: text, onChange: (event) => setText(event.target.value) }),
      h(Button, { size: "sm", variant: "outline", type: "submit" }, "Explain"),
      found && h(Button, { size: "sm", variant: "outline", onClick: () => explain("") }, "Close"),
    ),
    found?.error && h(Note, { color: "red", role: "alert" }, found.error),
    found?.answer?.found.map((one) => h(Answer, { key: one.id, now, flows, mayLook: found.answer.may_look, ...one })),
  );
}

function Answer({ id, now, flows, mayLook, links, records: known, announced, waiting, waiting_total: total, likely }) {
  const nothing = !links.length && !known.length && !announced.length && !total;
  return h(
    Box,
    { borderWidth: "1px", borderRadius: "md", p: 3, mt: 2, role: "status" },
    nothing && h(Text, null, `Nothing is known of ${id}: no run has met it. ${likely.length ? (mayLook ? "Have Manual Sync look for it; nothing is written:" : "") : "It has the form of no flow's ids: check it."}`),
    nothing && mayLook && likely.length > 0 && h(LookForIt, { id, likely }),
    links.map((link) =>
      h(Text, { key: `${link.table} ${link.external_id}` }, `${link.table}: ${link.external_id} in Business Central is ${link.internal_id} in iPaaS.com`, !link.pushed && ", which iPaaS.com has yet to be told", link.portal && h(InPortal, { key: "portal", id: link.internal_id, portal: link.portal })),
    ),
    known.map((record) => h(Known, { key: `${record.flow} ${record.key}`, record, now, mayLook, flow: flows.find((one) => one.flow === record.flow) })),
    announced.map((one) => h(Text, { key: one.flow }, `A webhook has announced it to ${one.title}, ${flows.find(({ flow }) => flow === one.flow)?.paused ? "which is paused: it waits until that is unpaused" : "whose next run takes it"}. It waits `, h(Since, { at: one.since, now }), ".")),
    total > 0 && h(Text, { mt: 2 }, `${records(total)} ${total === 1 ? "waits" : "wait"} for it: `, waiting.slice(0, SHOWN).map((one, n) => h(Box, { as: "span", key: `${one.flow} ${one.key}` }, n > 0 && ", ", h(Id, { id: one.key }), ` of ${one.title}`)), total > SHOWN && ` and ${count(total - SHOWN)} more`),
  );
}

// A run of Manual Sync that writes nothing, once somebody has asked for it.
function useLook() {
  const [looked, setLooked] = useState(undefined);
  async function look(flow, id, mode) {
    try {
      const run = await askAirflow("dags/manual_sync/dagRuns", { logical_date: null, conf: { flow, ids: [id], mode } });
      setLooked({ run: run.dag_run_id });
    } catch (error) {
      setLooked({ error: error.message });
    }
  }
  return [looked, look];
}

// What no run has met may be moved by hand: by which of the flows is for the person to say.
function LookForIt({ id, likely }) {
  const [flow, setFlow] = useState(likely[0].flow);
  const [looked, look] = useLook();
  return h(
    Box,
    { mt: 1 },
    h(
      Flex,
      { gap: 2, wrap: "wrap" },
      h(ChakraUI.chakra.select, { "aria-label": `Flow that looks for ${id}`, value: flow, onChange: (event) => setFlow(event.target.value), borderWidth: "1px", borderRadius: "sm", px: 2, bg: "bg", fontSize: "sm" }, likely.map((one) => h("option", { key: one.flow, value: one.flow }, one.title))),
      h(Button, { size: "xs", variant: "outline", onClick: () => look(flow, id, "plan") }, "Plan its transfer"),
    ),
    looked?.run && h(Text, { role: "status" }, "A plan is being made, and nothing is written: ", h(To, { to: recordsOfRun("manual_sync", looked.run) }, "see what would become of it")),
    looked?.error && h(Note, { color: "red", role: "alert" }, looked.error),
  );
}

function Known({ record, now, mayLook, flow }) {
  const [open, setOpen] = useState(false);
  const [looked, look] = useLook();
  const columns = [
    ["Field", (field) => field.field],
    ["Value", (field) => field.value],
  ];
  return h(
    Box,
    { as: "article", mt: 3 },
    h(Heading, { as: "h3", size: "sm" }, h(To, { to: `/dags/${record.flow}` }, record.title), `: ${STATES[record.state] ?? record.state}`),
    h(
      Text,
      null,
      h(Id, { id: record.key, address: record.address, portal: record.portal }),
      record.target_id !== null && ` → ${record.target_id}`,
      record.run && [", last written or tried by ", h(To, { key: "run", to: recordsOfRun(record.run.dag_id, record.run.run_id) }, record.run.run_id)],
    ),
    record.read_at && h(Quiet, null, "as it was read ", h(Ago, { at: record.read_at, now })),
    record.message && h(Text, null, record.message, " ", record.advice),
    record.waits_for && h(WaitsFor, { what: record.waits_for }),
    record.by_hand && h(Text, null, `Tried by hand: ${record.by_hand}.`),
    record.next_try && h(Text, null, h(NextTry, { at: record.next_try, flow, now }), "."),
    record.agreed.length > 0 && h(Button, { size: "xs", variant: "outline", mt: 1, "aria-expanded": open, onClick: () => setOpen(!open) }, "What both sides last agreed on"),
    " ",
    mayLook && h(Button, { size: "xs", variant: "outline", mt: 1, onClick: () => look(record.flow, record.key, "explain") }, "Read both sides now"),
    looked?.run && h(Text, { role: "status" }, "Both sides are being read, and nothing is written: ", h(To, { to: recordsOfRun("manual_sync", looked.run) }, "see what each has")),
    looked?.error && h(Note, { color: "red", role: "alert" }, looked.error),
    open && h(Table, { label: `Agreed values of ${record.key}`, columns, rows: record.agreed, keyOf: (field) => field.field }),
    record.history.map((past, n) => h(Past, { key: n, past, now })),
  );
}

// What is waited for: a table, and an id of either side in it.
function WaitsFor({ what }) {
  const [, table, id] = what.match(/^([^|#]*)[|#](.*)$/s) ?? [undefined, "", what];
  return h(Text, null, `It waits for ${table} `, h(Id, { id }), ".");
}

// One write of a record, with its fields before and after.
function Past({ past, now }) {
  const [open, setOpen] = useState(false);
  const value = (field, name) => (field.masked ? "not kept" : field[name]);
  const columns = [
    ["Field", (field) => field.field],
    ["Before", (field) => value(field, "before")],
    ["After", (field) => value(field, "after")],
  ];
  return h(
    Box,
    { mt: 1 },
    h(Button, { size: "xs", variant: "outline", me: 2, "aria-expanded": open, onClick: () => setOpen(!open) }, `${past.result}: ${count(past.fields.length)} ${past.fields.length === 1 ? "field" : "fields"}`),
    " ",
    h(Ago, { at: past.at, now }),
    h(Quiet, { as: "span" }, " by ", past.dag_id ? h(To, { to: recordsOfRun(past.dag_id, past.run_id) }, past.run_id) : past.run_id),
    open && h(Table, { label: `What was ${past.result}`, columns, rows: past.fields, keyOf: (field) => field.field }),
  );
}
