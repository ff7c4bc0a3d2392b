/** The forms that begin a replay into a shadow, after its dry run, and a component replay. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ReplayPlan } from "../../shapes.ts";
import { addressOf, go } from "../location.ts";
import { order } from "../server.ts";
import { Problem } from "./notes.tsx";
import { counted } from "./numbers.ts";

interface ReplayFormProps {
  readonly channels: readonly string[];
  /** Called when a replay has begun. */
  readonly begun: () => void;
}

/** A time of a form, which is UTC as every time of the console, as epoch ms. */
function msOf(text: string): string {
  return text === "" ? "" : String(new Date(`${text}Z`).getTime());
}

export function ReplayForm({ channels, begun }: ReplayFormProps): VNode {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [where, setWhere] = useState("");
  /** What was counted, and for which wish: another one has to be counted first, too. */
  const [counting, setCounting] = useState<{ readonly wish: string; readonly plan: ReplayPlan } | undefined>(undefined);
  const [isUnderWay, setUnderWay] = useState(false);
  const [problem, setProblem] = useState("");
  const wish = { channels: [...chosen], from: msOf(from), to: msOf(to), where: where.trim(), speed: "max" };
  const wishText = JSON.stringify(wish);
  const plan = counting?.wish === wishText ? counting.plan : undefined;
  const ask = (dryRun: boolean): void => {
    setUnderWay(true);
    order<ReplayPlan>("/api/replays", { ...wish, dryRun })
      .then(
        (answer) => {
          setProblem("");
          setCounting(dryRun ? { wish: wishText, plan: answer } : undefined);
          if (!dryRun) begun();
        },
        (error: Error) => setProblem(error.message),
      )
      .finally(() => setUnderWay(false));
  };
  const toggle = (channel: string, isOn: boolean): void => {
    const next = new Set(chosen);
    if (isOn) next.add(channel);
    else next.delete(channel);
    setChosen(next);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        ask(true);
      }}
    >
      <fieldset>
        <legend>Replay channels into a shadow</legend>
        <div class="bar">
          {channels.map((channel) => (
            <label key={channel}>
              <input
                type="checkbox"
                checked={chosen.has(channel)}
                onChange={({ currentTarget }) => toggle(channel, currentTarget.checked)}
              />{" "}
              {channel}
            </label>
          ))}
        </div>
        <div class="bar">
          <label>
            from (UTC){" "}
            <input
              type="datetime-local"
              step={1}
              value={from}
              onInput={({ currentTarget }) => setFrom(currentTarget.value)}
            />
          </label>
          <label>
            to (UTC){" "}
            <input
              type="datetime-local"
              step={1}
              value={to}
              onInput={({ currentTarget }) => setTo(currentTarget.value)}
            />
          </label>
          <label>
            only with{" "}
            <input
              value={where}
              placeholder="user.id=ann"
              onInput={({ currentTarget }) => setWhere(currentTarget.value)}
            />
          </label>
        </div>
        {problem === "" ? null : <Problem text={problem} />}
        <div class="bar">
          <button type="submit" disabled={chosen.size === 0 || isUnderWay}>
            {isUnderWay ? "Reading …" : "Count first …"}
          </button>
          {plan === undefined ? null : (
            <>
              <span role="status">
                {counted(plan.entries)} entries would go into a namespace of their own; nobody handles them there.
              </span>
              <button
                type="button"
                class="strong"
                disabled={plan.entries === 0 || isUnderWay}
                onClick={() => ask(false)}
              >
                Replay {counted(plan.entries)} entries
              </button>
            </>
          )}
        </div>
      </fieldset>
    </form>
  );
}

export function ComponentReplayForm({ components }: { readonly components: readonly string[] }): VNode {
  const [component, setComponent] = useState(components[0] ?? "");
  const [settings, setSettings] = useState("");
  const [problem, setProblem] = useState("");
  const begin = (): void => {
    let given: unknown = {};
    try {
      if (settings.trim() !== "") given = JSON.parse(settings);
    } catch {
      setProblem('The settings are no JSON: write {"maxSliceQuantity": 500}.');
      return;
    }
    order<{ readonly id: string }>("/api/component-replays", { component, settings: given }).then(
      ({ id }) => go(addressOf(["replays", id])),
      (error: Error) => setProblem(error.message),
    );
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        begin();
      }}
    >
      <fieldset>
        <legend>Replay a component's handlers, and compare</legend>
        {components.length === 0 ? (
          <p>
            The console has no handlers: start it with <code>--module NAME=FILE</code>.
          </p>
        ) : (
          <div class="bar">
            <label>
              component{" "}
              <select value={component} onChange={({ currentTarget }) => setComponent(currentTarget.value)}>
                {components.map((name) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <label>
              settings{" "}
              <input
                value={settings}
                placeholder='{"maxSliceQuantity": 500}'
                size={26}
                onInput={({ currentTarget }) => setSettings(currentTarget.value)}
              />
            </label>
            <button type="submit">Run over the log</button>
          </div>
        )}
        {problem === "" ? null : <Problem text={problem} />}
      </fieldset>
    </form>
  );
}
