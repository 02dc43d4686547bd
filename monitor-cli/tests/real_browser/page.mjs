// Opens reports in headless Chromium and tells, as JSON, what happened: messages, requests, overflow, faults that axe-core finds, and
// whether sorting, hovering and zooming do what they should.
//
//   node page.mjs NODE_MODULES REPORT.html [SCREENSHOTS]
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, report, screenshots] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = require.resolve("axe-core");

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });
const url = pathToFileURL(report).href;
const told = { messages: [], requests: [], dialogs: 0, overflow: {}, axe: {} };

const open = async (options) => {
  const page = await (await browser.newContext(options)).newPage();
  page.on("console", (message) => told.messages.push(message.text()));
  page.on("pageerror", (error) => told.messages.push(String(error)));
  page.on("dialog", (dialog) => { told.dialogs += 1; dialog.dismiss(); });
  page.on("request", (request) => { if (request.url() !== url) told.requests.push(request.url()); });
  await page.goto(url);
  return page;
};
const size = (width) => ({ viewport: { width, height: 900 } });

// No part of a page is wider than it: tables scroll in boxes of their own.
for (const width of [1280, 390]) {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open({ ...size(width), colorScheme });
    told.overflow[`${width} ${colorScheme}`] = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (screenshots) await page.screenshot({ path: `${screenshots}-${width}-${colorScheme}.png`, fullPage: true });
    await page.context().close();
  }
}

// The policy would keep axe out, too.
for (const colorScheme of ["light", "dark"]) {
  const page = await open({ ...size(1280), colorScheme, bypassCSP: true });
  await page.addScriptTag({ path: axe });
  const { violations } = await page.evaluate(() => window.axe.run());
  told.axe[colorScheme] = violations.map(({ id, impact, nodes }) => ({ id, impact, first: nodes[0].html.slice(0, 300) }));
  await page.context().close();
}

const page = await open(size(1280));
told.title = await page.title();
told.headings = await page.locator("h2").allTextContents();
told.scripts = await page.locator("script").count();
told.images = await page.locator("img").count();

// Each table by each column: the values of a column are in order then, and those without one at the end.
told.unsorted = await page.evaluate(() => {
  const unsorted = [];
  for (const table of document.querySelectorAll("table")) {
    [...table.querySelectorAll("thead button")].forEach((button, at) => {
      for (const order of ["first", "second"]) {
        button.click();
        const head = button.closest("th");
        const down = head.getAttribute("aria-sort") === "descending";
        const values = [...table.tBodies[0].rows].map((row) => row.cells[at].dataset.value);
        if (values.every((value) => value === undefined)) continue;
        const numbers = values.filter((value) => value !== undefined).map(Number);
        const sorted = numbers.every((value, place) => place === 0 || (down ? numbers[place - 1] >= value : numbers[place - 1] <= value));
        const atEnd = values.slice(numbers.length).every((value) => value === undefined);
        if (!sorted || !atEnd) unsorted.push(`${table.caption.textContent}, ${head.textContent}, ${order}`);
      }
    });
  }
  return unsorted;
});
told.buttons = await page.locator("thead button").count();

// By keyboard, too.
const button = page.locator("thead button").first();
if (await button.count()) {
  await button.focus();
  const before = await button.evaluate((element) => element.closest("th").getAttribute("aria-sort"));
  await page.keyboard.press("Enter");
  const after = await button.evaluate((element) => element.closest("th").getAttribute("aria-sort"));
  told.keyboard = before !== after;
}

// Over each chart something is told, and what is told is in the picture.
told.charts = [];
for (const plot of await page.locator(".plot").all()) {
  await plot.scrollIntoViewIfNeeded();
  const title = await plot.locator("xpath=preceding-sibling::figcaption").textContent();
  const kind = await plot.locator("svg").getAttribute("data-kind");
  const place = await plot.evaluate((element) => {
    const svg = element.querySelector("svg");
    const shape = svg.querySelector(".hint") ?? svg.querySelector("polyline, circle");
    const box = shape.getBoundingClientRect();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  });
  await page.mouse.move(place.x, place.y);
  const tip = await plot.locator(".tip").evaluate((element) => (element.hidden ? "" : element.innerText));
  const whole = await plot.locator("svg").getAttribute("viewBox");
  await page.mouse.move(place.x - 40, place.y - 10);
  await page.mouse.down();
  await page.mouse.move(place.x + 60, place.y + 20, { steps: 4 });
  await page.mouse.up();
  const zoomed = await plot.locator("svg").getAttribute("viewBox");
  await plot.dblclick();
  const reset = await plot.locator("svg").getAttribute("viewBox");
  await plot.focus();
  await page.keyboard.press("ArrowRight");
  const byKey = await plot.locator(".tip").evaluate((element) => (element.hidden ? "" : element.innerText));
  told.charts.push({ title, kind, tip, zooms: zoomed !== whole, resets: reset === whole, byKey });
}
await page.context().close();

// Without the script all of the text is there.
const still = await open({ ...size(1280), javaScriptEnabled: false });
told.still = { text: (await still.locator("main").innerText()).length, tables: await still.locator("table").count(), charts: await still.locator("svg").count() };
await still.context().close();

// On paper.
const printed = await open(size(1280));
if (screenshots) await printed.pdf({ path: `${screenshots}.pdf`, format: "A4", printBackground: true });
await browser.close();
console.log(JSON.stringify(told));
