// What both apps are made of: the host's React, router and components, questions to the server, and words for times.
//
// Airflow lends its own React, ReactRouterDOM and ChakraUI as globals, so there is nothing to build and nothing to load
// from elsewhere. What the server sends is only ever given to React as text.

const { React } = globalThis;
export const { ChakraUI, ReactRouterDOM } = globalThis;

export const h = React.createElement;
export const { useCallback, useEffect, useRef, useState } = React;
export const { Badge, Box, Button, Flex, Heading, Input, Text } = ChakraUI;

/** Ask one of our own routes. Throws an Error whose message can be shown, with the status. */
export async function ask(path, params = {}, body = undefined) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== undefined && value !== ""));
  return request(`sync/api/${path}?${query}`, body, { "X-Sync-Page": "1" }, inWords);
}

// What is sent back to the server as it came.
const NAMES = new Set(["cause", "key", "run_id"]);
const MOMENT = /\b(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC/g;

// Moments within the server's words are told in the zone of all others on the page.
const inWords = (name, value) => (typeof value === "string" && !NAMES.has(name) ? value.replace(MOMENT, (said, day, time) => (Number.isNaN(Date.parse(`${day}T${time}Z`)) ? said : moment(`${day}T${time}Z`))) : value);

/** The zone that somebody has chosen in Airflow, which keeps it in the browser; else the browser's own. */
function zone() {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    const chosen = JSON.parse(localStorage.getItem("timezone")) ?? own;
    return Intl.DateTimeFormat("en", { timeZone: chosen }).resolvedOptions().timeZone;
  } catch {
    return own;
  }
}

/** A moment in that zone, whose name is said, too. */
export function moment(at, parts = {}) {
  const timeZone = zone();
  const date = new Date(at);
  const said = new Intl.DateTimeFormat("sv-SE", { timeZone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", ...parts }).format(date);
  const named = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "short" }).formatToParts(date).find(({ type }) => type === "timeZoneName");
  return `${said} ${named.value}`;
}

/** Its time of the day alone, to the second. */
export const clock = (at) => moment(at, { year: undefined, month: undefined, day: undefined, second: "2-digit" });

/** Ask Airflow's own public API. */
export async function askAirflow(path, body = undefined) {
  return request(`api/v2/${path}`, body, {});
}

async function request(path, body, headers, revive = undefined) {
  const options = { credentials: "same-origin", headers: { Accept: "application/json", ...headers } };
  if (body !== undefined) {
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
    options.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(new URL(path, document.baseURI), options);
  } catch {
    throw new Error("Airflow's API server does not answer. The page goes on asking.");
  }
  const text = await answer.text();
  if (!answer.ok) throw Object.assign(new Error(words(answer.status, text)), { status: answer.status });
  return JSON.parse(text, revive);
}

function words(status, text) {
  if (status === 401) return "You are no longer logged in. Load the page again.";
  if (status === 403) return "Your role in Airflow does not allow this. Ask an administrator for the right to edit runs of the DAG.";
  let detail;
  try {
    detail = JSON.parse(text).detail;
  } catch {
    detail = undefined;
  }
  return typeof detail === "string" ? detail : `Airflow answered with status ${status}. Its API server's log says why.`;
}

/** Ask again and again: soon while something is under way, else seldom, and not at all while nobody looks. */
export function useLive(question, key, { soon = 3_000, seldom = 15_000 } = {}) {
  const [found, setFound] = useState({ answer: undefined, error: undefined, key: undefined });
  const [turn, setTurn] = useState(0);
  const latest = useRef(question);
  latest.current = question;
  useEffect(() => {
    let stopped = false;
    let timer;
    async function once() {
      let pause = seldom;
      if (!document.hidden) {
        try {
          const answer = await latest.current();
          if (stopped) return;
          setFound({ answer, error: undefined, key });
          if (underWay(answer)) pause = soon;
        } catch (error) {
          if (stopped) return;
          setFound((before) => ({ ...before, error: error.message, key: before.key ?? key }));
        }
      }
      if (!stopped) timer = setTimeout(once, pause);
    }
    const seen = () => {
      if (document.hidden) return;
      clearTimeout(timer);
      once();
    };
    once();
    document.addEventListener("visibilitychange", seen);
    return () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [key, turn]);
  return { ...found, again: useCallback(() => setTurn((n) => n + 1), []) };
}

const underWay = (answer) => answer.under_way?.length > 0 || ["queued", "running"].includes(answer.state);

export const count = (number) => Number(number).toLocaleString("en");
export const records = (number) => `${count(number)} ${number === 1 ? "record" : "records"}`;

/** How far a record has come, in words. */
export const STATES = { done: "done", waiting: "waiting", retry: "to be retried", failed: "failed", ignored: "ignored" };

const STEPS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

/** A moment in words, with the whole of it when the pointer rests on it; `nearby` is said of what is less than a minute off. */
export function Ago({ at, now, nearby }) {
  if (!at) return null;
  const seconds = (new Date(at) - new Date(now ?? Date.now())) / 1_000;
  const step = STEPS.find(([, length]) => Math.abs(seconds) >= length);
  const said = step ? new Intl.RelativeTimeFormat("en").format(Math.trunc(seconds / step[1]), step[0]) : (nearby ?? (seconds > 0 ? "in a moment" : "just now"));
  return h("time", { dateTime: at, title: moment(at, { second: "2-digit" }) }, said);
}

/** How long something has been so; what began after the page was asked for has been so for a moment. */
export function Since({ at, now }) {
  const seconds = (new Date(now ?? Date.now()) - new Date(at)) / 1_000;
  const step = STEPS.find(([, length]) => seconds >= length);
  const length = step ? new Intl.NumberFormat("en", { style: "unit", unit: step[0], unitDisplay: "long" }).format(Math.trunc(seconds / step[1])) : "a moment";
  return ["for ", h("time", { key: "at", dateTime: at, title: moment(at, { second: "2-digit" }) }, length)];
}

/** When a record is tried next that is not done: at its time or, once that has come, with the next run of its flow. */
export function NextTry({ at, flow, now }) {
  if (!at) return "Next try when it changes";
  const seen = new Date(now);
  if (new Date(at) > seen) return ["Next try ", h(Ago, { key: "at", at, now })];
  if (flow?.paused) return "Next try with the next run of its flow, which is paused";
  return ["Next try with the next run of its flow", new Date(flow?.next_run ?? now) > seen && [", ", h(Ago, { key: "run", at: flow.next_run, now })]];
}

/** A name that may go on in a new line after any of its underscores, and nowhere else. */
export const Broken = ({ name }) => name.split("_").map((part, n) => [n > 0 && ["_", h("wbr", { key: n })], part]);
// Where such names stand.
export const BROKEN = { overflowWrap: "break-word" };

/** A count in words; `would`: of a run that writes nothing, what it would have written. */
export const counted = (number, name, would) => `${count(number)} ${would && name in WRITTEN ? "would be " : ""}${name.replace("bc_", "Business Central ").replace("ipaas_", "iPaaS.com ")}`;
const WRITTEN = { created: true, updated: true };

/** What to do, in lines; those that begin with an asterisk are a list. */
export function Advice({ text }) {
  const lines = (text ?? "").split("\n").filter((line) => line.trim());
  const items = lines.filter((line) => line.startsWith("* "));
  return [
    lines.filter((line) => !line.startsWith("* ")).map((line, n) => h(Text, { key: n }, line)),
    items.length > 0 && h(Box, { as: "ul", key: "list", listStyleType: "disc", ps: 5, mt: 1 }, items.map((line, n) => h(Box, { as: "li", key: n, mb: 1 }, line.slice(2)))),
  ];
}

/** A link within Airflow. */
export function To({ to, children, ...more }) {
  return h(ChakraUI.Link, { asChild: true, color: "blue.fg", textDecoration: "underline", ...more }, h(ReactRouterDOM.Link, { to }, children));
}

/** A link that leaves Airflow's UI. */
export function Out({ href, children, ...more }) {
  return h(ChakraUI.Link, { href, target: "_blank", rel: "noopener noreferrer", color: "blue.fg", textDecoration: "underline", ...more }, children);
}

/** An id with the way to the box that explains it, and to where it is seen in either system, where that is known. */
export function Id({ id, address, portal, text }) {
  return [
    h(To, { key: "id", to: `/plugin/sync?explain=${encodeURIComponent(id)}` }, text ?? id),
    address && [" ", h(Out, { key: "address", href: address, fontSize: "sm", "aria-label": `${id} in Business Central` }, "Business Central ↗")],
    portal && h(InPortal, { key: "portal", id, portal }),
  ];
}

/** The way to iPaaS.com's portal, in which a record is found by its id. */
export function InPortal({ id, portal }) {
  return [" ", h(Out, { key: "portal", href: portal, fontSize: "sm", "aria-label": `${id} in iPaaS.com`, title: "Opens iPaaS.com's portal: find the record there by its id." }, "iPaaS.com ↗")];
}

export const recordsOfRun = (dagId, runId) => `/dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}/plugin/records`;

/** A box that stands out: what is wrong, or what somebody ought to know. */
export function Note({ color, children, ...more }) {
  const style = { borderInlineStart: "4px solid", borderColor: `${color}.solid`, bg: `${color}.subtle`, color: "fg" };
  return h(Box, { ...style, px: 4, py: 3, my: 3, borderRadius: "sm", ...more }, children);
}

export const Quiet = ({ children, ...more }) => h(Text, { color: "fg.muted", fontSize: "sm", ...more }, children);

/** A table in the host's colours; `columns` are [heading, content of a row, options of the cells].
 *
 * A column with the option `sort` has a button as its heading. Rows that are all here are sorted here: `sort` is a value of a
 * row, and `sorted` the heading by which they are as long as nobody has chosen another. Of a list of which a page is here, `sort`
 * is what the server calls the column: `order` by which it has sorted, with a minus downwards, and `onOrder` asks for another.
 */
export function Table({ label, columns, rows, keyOf, sorted = "", order, onOrder }) {
  const [own, setOwn] = useState(sorted);
  const sortedBy = order ?? own;
  const down = sortedBy.startsWith("-");
  const by = down ? sortedBy.slice(1) : sortedBy;
  const cell = { px: 2, py: 2, textAlign: "start", verticalAlign: "top", borderBottomWidth: "1px", overflowWrap: "anywhere" };
  const value = onOrder ? undefined : columns.find(([heading, , options]) => heading === by && options?.sort)?.[2].sort;
  const shown = value ? rows.toSorted((one, other) => (down ? -1 : 1) * compared(value(one), value(other))) : rows;
  const choose = (name) => (onOrder ?? setOwn)(by === name && !down ? `-${name}` : name);
  const head = ([heading, , { sort, ...options } = {}]) => {
    const name = onOrder ? sort : heading;
    const chosen = sort && by === name;
    const said = sort ? { "aria-sort": chosen ? (down ? "descending" : "ascending") : "none" } : {};
    return h(Box, { as: "th", scope: "col", key: heading, fontWeight: "semibold", ...cell, ...options, ...said, verticalAlign: "middle", whiteSpace: "nowrap" }, sort ? h(SortBy, { heading, chosen, down, onClick: () => choose(name) }) : heading);
  };
  const body = (row) => h("tr", { key: keyOf(row) }, columns.map(([heading, content, { sort, ...options } = {}]) => h(Box, { as: "td", key: heading, ...cell, ...options }, content(row))));
  return h(
    Box,
    { overflowX: "auto" },
    h(ChakraUI.chakra.table, { width: "full", fontSize: "sm", "aria-label": label, borderCollapse: "collapse" }, h("thead", null, h("tr", null, columns.map(head))), h("tbody", null, shown.map(body))),
  );
}

// Numbers by their size, also those within a text; what has no value goes first.
function compared(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one ?? "").localeCompare(String(other ?? ""), "en", { numeric: true });
}

function SortBy({ heading, chosen, down, onClick }) {
  const arrow = h(Box, { as: "span", "aria-hidden": true, color: chosen ? "fg" : "fg.muted" }, chosen ? (down ? "↓" : "↑") : "↕");
  return h(Button, { variant: "ghost", size: "xs", fontSize: "sm", fontWeight: "semibold", px: 1, mx: -1, my: -1, gap: 1, onClick }, heading, arrow);
}

/** A search box that asks when somebody has stopped typing. */
export function Search({ label, onSearch }) {
  const [text, setText] = useState("");
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return undefined;
    }
    const timer = setTimeout(() => onSearch(text.trim()), 300);
    return () => clearTimeout(timer);
  }, [text]);
  return h(Input, { size: "sm", maxW: "20rem", type: "search", "aria-label": label, placeholder: label, value: text, onChange: (event) => setText(event.target.value) });
}

/** Which part of a list is shown, and the ways to the others. */
export function Pager({ offset, page, total, onTurn }) {
  if (total <= page) return null;
  const turn = (to, text) => h(Button, { size: "sm", variant: "outline", disabled: to < 0 || to >= total, onClick: () => onTurn(to) }, text);
  const last = Math.min(offset + page, total);
  return h(Flex, { gap: 3, align: "center", my: 2 }, turn(offset - page, "Previous"), h(Text, { fontSize: "sm" }, `${count(offset + 1)}–${count(last)} of ${count(total)}`), turn(offset + page, "Next"));
}
