// SPDX-License-Identifier: LGPL-2.1-or-later
// What the script does for a person, what the keyboard does, and what a first visit weighs: behave.mjs CACHE < plan.json.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const { chromium } = createRequire(process.argv[2] + "/")("playwright-core");
const plan = JSON.parse(readFileSync(0, "utf8"));
const findings = [];
const wanted = (what, value, right) => JSON.stringify(value) === JSON.stringify(right) ||
	findings.push(`${what}: ${JSON.stringify(value)}, not ${JSON.stringify(right)}`);

const browser = await chromium.launch({ executablePath: plan.browser, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
const context = await browser.newContext({ locale: "en", viewport: { width: 360, height: 740 } });

// The weight of a first visit, headers included, as the network saw it.
const page = await context.newPage();
const network = await context.newCDPSession(page);
const requests = {};
let bytes = 0;
await network.send("Network.enable");
network.on("Network.requestWillBeSent", (e) => { requests[e.requestId] = e.request.url; });
network.on("Network.loadingFinished", (e) => { bytes += e.encodedDataLength; });
await page.goto(plan.base + "/", { waitUntil: "networkidle" });
const weight = { bytes, requests: Object.values(requests).map((u) => u.replace(plan.base, "")) };
const timing = await page.evaluate(() => {
	const entry = performance.getEntriesByType("navigation")[0];
	return { domContentLoaded: Math.round(entry.domContentLoadedEventEnd), load: Math.round(entry.loadEventEnd) };
});
if (await page.evaluate(() => document.cookie) || (await context.cookies()).length)
	findings.push("a cookie on the first visit");

// The keyboard alone: to the field, type, Enter.
await page.keyboard.press("Tab");
await page.keyboard.press("Tab");
wanted("the second stop of Tab", await page.evaluate(() => document.activeElement.id), "user");
await page.keyboard.type("carol");
await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
wanted("Enter asks for a link", await page.textContent("h1"), "Look in your mailbox");

// Strength, match, show.
await page.goto(plan.base + plan.links.good);
const hint = async (text) => {
	await page.fill("#password", text);
	await page.waitForTimeout(450);
	return page.textContent("#password >> xpath=ancestor::div[contains(@class,'field')] >> .hint span");
};
wanted("hint, short", await hint("abc"), "Still too short");
wanted("hint, one word and digits", await hint("Password123!"), "Easy to guess");
wanted("hint, a run", await hint("abcdefghijkl"), "Easy to guess");
wanted("hint, repeated", await hint("aaaaaaaaaaaaaaaa"), "Easy to guess");
wanted("hint, words", await hint("tram lemon quilt anvil"), "Looks good");
wanted("hint, other letters", await hint("трамвай лимон одеяло"), "Looks good");
wanted("hint, emptied", await hint(""), "");
await page.fill("#password", "tram lemon");
await page.fill("#again", "tram");
await page.waitForTimeout(450);
const compare = "#again >> xpath=ancestor::div[contains(@class,'field')] >> .hint span";
wanted("not the same", await page.textContent(compare), "Not the same yet");
await page.fill("#again", "tram lemon");
await page.waitForTimeout(450);
wanted("the same", await page.textContent(compare), "Both are the same");
const type = () => page.getAttribute("#password", "type");
wanted("hidden at first", await type(), "password");
await page.click("#password + button");
wanted("shown", [await type(), await page.textContent("#password + button")], ["text", "Hide"]);
wanted("only this one", await page.getAttribute("#again", "type"), "password");
await page.click("#password + button");
wanted("hidden again", [await type(), await page.textContent("#password + button")], ["password", "Show"]);

// A problem: the summary has the focus, and leads to the field.
await page.fill("#again", "other");
await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
wanted("focus", await page.evaluate(() => document.activeElement.className), "problem");
wanted("title", await page.title(), "Error: Set a new password · Example University");
await page.click(".problem a");
wanted("the link of the problem", await page.evaluate(() => document.activeElement.id || location.hash), "again");
wanted("typed values are gone", [await page.inputValue("#password"), await page.inputValue("#again")], ["", ""]);
wanted("the user name stays", await page.inputValue("#user"), "carol");

// A double tap sends once.
await page.goto(plan.base + "/");
await page.fill("#user", "twice");
await Promise.all([page.waitForNavigation(), page.evaluate(() => {
	const button = document.querySelector("button");
	button.click();
	button.click();
})]);

// The language that was chosen is carried along.
await page.goto(plan.base + "/");
await page.click("footer [hreflang=fr]");
await page.click("a[href^='/code']");
wanted("carried language", await page.getAttribute("html", "lang"), "fr");

// Nothing runs that the page did not bring.
const blocked = await page.evaluate(() => new Promise((done) => {
	document.addEventListener("securitypolicyviolation", (e) => done(e.effectiveDirective));
	const script = document.createElement("script");
	try { script.textContent = "window.broken = true"; } catch { done("trusted-types"); }
	document.body.append(script);
	setTimeout(() => done(window.broken ? "ran" : "nothing"), 500);
}));
if (blocked === "ran" || blocked === "nothing")
	findings.push(`an inline script: ${blocked}`);

await browser.close();
console.log(JSON.stringify({ findings, weight, timing }));
