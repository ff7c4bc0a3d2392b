/** Views that are opened while Redis is away say so, and are there by themselves when it is back. */

import * as assert from "uvu/assert";
import { openBehindProxy } from "./behind-proxy.ts";
import { browserTest } from "./browser.ts";

browserTest(
  "a view that was refused while Redis was away is asked for anew when it is back",
  async () => {
    await using behind = await openBehindProxy();
    const { proxy, o } = behind;
    await o.view("/");
    proxy.refuse();
    proxy.cut();
    await o.page.locator(".banner", { hasText: "does not answer" }).waitFor();
    const views: readonly (readonly [path: string, there: string])[] = [
      ["/search?q=e-1", "1 event. 1 of 1 entries read."],
      ["/story?q=e-1", "1 event"],
      ["/channel/orders", "Live."],
      ["/dead", "There are no dead letters"],
      ["/replays", "This namespace was never replayed."],
      ["/time?q=e-1", "No settlement of the story is told."],
    ];
    const pages = await Promise.all(
      views.map(async ([path]) => {
        // A browser of their own each: one has six connections to a server, and here all pages are in the foreground at once.
        const page = await (await o.page.context().browser()?.newContext())?.newPage();
        assert.ok(page);
        await page.goto(`${o.url}${path}`);
        // The view's own sentence in place of what it has to show; the notes of runs are waited for until Redis answers, and the banner says why.
        const said = path === "/replays" ? ".banner" : "main .note.bad";
        await page.locator(said, { hasText: "does not answer" }).waitFor();
        return page;
      }),
    );
    proxy.heal();
    for (const [i, [path, there]] of views.entries()) {
      const page = pages[i];
      assert.ok(page);
      await page.locator("main", { hasText: there }).waitFor();
      assert.is(await page.getByRole("alert").count(), 0, path);
      await page.context().close();
    }
  },
  { timeoutMs: 120_000 },
);
