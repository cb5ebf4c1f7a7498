// What a person decides of records that are not done: the list of them, and the answers to its buttons.

import { Box, Button, Flex, Id, NextTry, Note, Pager, Quiet, Search, Since, Table, Text, To, ask, askAirflow, h, records, recordsOfRun, useLive, useState } from "./kit.js";

// What a run of Manual Sync takes at most.
const OF_ONE_RUN = 3_000;

/** Retry and ignore, with what came of it in words; `changed` is called after each. */
export function useDecisions(changed) {
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState([]);
  async function decide(what) {
    setBusy(true);
    try {
      setSaid([await what()]);
    } catch (error) {
      setSaid([{ color: "red", text: error.message, runs: [] }]);
    } finally {
      setBusy(false);
      changed();
    }
  }
  return {
    busy,
    said,
    ignore: (flow, which) =>
      decide(async () => {
        const { ignored } = await ask("ignore", { dag_id: flow }, which);
        return { color: "green", text: `${records(ignored)} of ${flow} left alone until changed.`, runs: [] };
      }),
    retry: (flow, which) => decide(() => retry(flow, which)),
  };
}

async function retry(flow, which) {
  const { due, ids } = await ask("retry", { dag_id: flow }, which);
  const runs = [];
  let why = "";
  try {
    for (let from = 0; from < ids.length; from += OF_ONE_RUN) {
      const conf = { flow, ids: ids.slice(from, from + OF_ONE_RUN), mode: "apply" };
      const run = await askAirflow("dags/manual_sync/dagRuns", { logical_date: null, conf });
      runs.push(run.dag_run_id);
    }
  } catch (error) {
    why = ` A run by hand could not be started: ${error.message}`;
  }
  const now = Math.min(runs.length * OF_ONE_RUN, ids.length);
  const later = due - now;
  const told = [now > 0 && `A try of ${records(now)} of ${flow} was started.`, later > 0 && `${records(later)} of ${flow} ${later === 1 ? "goes" : "go"} with its next run.`, due === 0 && "Nothing to try: meanwhile they have gone through."];
  return { color: why ? "orange" : "green", text: told.filter(Boolean).join(" ") + why, runs };
}

/** What came of a decision, with the runs that it has started. */
export function Said({ color, text, runs }) {
  return h(
    Note,
    { color, role: "status" },
    text,
    runs.map((run, n) => h(Box, { as: "span", key: run }, " ", h(To, { to: recordsOfRun("manual_sync", run) }, runs.length === 1 ? "See the run" : `See run ${n + 1}`))),
  );
}

/** A page of the records of a flow that are not done: of one reason, or in one state. */
export function Unfinished({ flow, cause, state, may, decisions, flows, now }) {
  const [search, setSearch] = useState("");
  const [offset, setOffset] = useState(0);
  const [sort, setSort] = useState("record");
  const { answer, error } = useLive(() => ask("records", { dag_id: flow, cause, state, search, sort, offset }), JSON.stringify([search, sort, offset, decisions.said]));
  const columns = [
    ["Record", (record) => h(Key, { record }), { sort: "record" }],
    ["What happened", (record) => [record.message, record.advice && record.state === "ignored" && h(Quiet, { key: "by" }, record.advice)], { sort: "message" }],
    ["Tries", (record) => h(Tries, { record, now, flow: flows.find((one) => one.flow === flow) }), { sort: "tries" }],
  ];
  if (cause === undefined) columns.splice(2, 0, ["What to do", (record) => record.state !== "ignored" && record.advice]);
  if (may) columns.push(["", (record) => h(Buttons, { record, flow, decisions }), { whiteSpace: "nowrap" }]);
  return h(
    Box,
    { mt: 3 },
    h(Search, { label: "Find a record by its key", onSearch: (text) => [setSearch(text), setOffset(0)] }),
    error && h(Note, { color: "red", role: "alert" }, error),
    answer && (answer.total ? h(Table, { label: `Records of ${flow}`, order: sort, onOrder: (by) => [setSort(by), setOffset(0)], columns, rows: answer.records, keyOf: (record) => record.key }) : h(Text, { my: 2 }, "There is no such record.")),
    answer && h(Pager, { ...answer, onTurn: setOffset }),
  );
}

function Key({ record }) {
  return [
    h(Id, { key: "key", id: record.name ?? record.key, address: record.address, portal: record.portal }),
    record.name && h(Quiet, { key: "id" }, record.key),
    record.target_id !== null && h(Quiet, { key: "target" }, `→ ${record.target_id}`),
  ];
}

function Tries({ record, now, flow }) {
  // A try by hand does not count as one.
  const { run, attempts, by_hand: byHand } = record;
  const times = [attempts > 0 && `${attempts} ${attempts === 1 ? "try" : "tries"}`, byHand && `tried by hand: ${byHand}`].filter(Boolean).join(", ") || "to be tried";
  return [
    h(Text, { key: "times" }, run ? h(To, { to: recordsOfRun(run.dag_id, run.run_id) }, times) : times),
    record.since && h(Quiet, { key: "since" }, "not done ", h(Since, { at: record.since, now })),
    h(Quiet, { key: "next" }, h(NextTry, { at: record.next_try, flow, now })),
  ];
}

function Buttons({ record, flow, decisions }) {
  const which = { keys: [record.key] };
  const ofThis = { size: "xs", disabled: decisions.busy };
  return h(
    Flex,
    { gap: 1 },
    h(Button, { ...ofThis, "aria-label": `Retry ${record.key}`, onClick: () => decisions.retry(flow, which) }, "Retry"),
    record.state !== "ignored" && h(Button, { ...ofThis, variant: "outline", "aria-label": `Ignore ${record.key} until it changes`, onClick: () => decisions.ignore(flow, which) }, "Ignore"),
  );
}
