// SPDX-License-Identifier: LGPL-2.1-or-later
// Walks every page in a real browser, in one language: walk.mjs CACHE < plan.json, findings as JSON on stdout.
//
// plan: base (address of the page), language, javascript, out (folder of screenshots), links (name: path).
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";

const require = createRequire(process.argv[2] + "/");
const { chromium } = require("playwright-core");
const { HtmlValidate } = require("html-validate");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const plan = JSON.parse(readFileSync(0, "utf8"));

const VIEWS = [[360, 740], [1280, 800]];
const SCHEMES = ["light", "dark"];
const findings = [], visited = [];
let here = "", html = "";
const find = (what) => findings.push(`${here}: ${what}`);

// What the recommended rules would want otherwise than browsers and people do.
const validator = new HtmlValidate({
	extends: ["html-validate:recommended"],
	rules: {
		"no-trailing-whitespace": "off",
		"long-title": "off",
		// type="submit" is the default inside a form, and saves bytes.
		"no-implicit-button-type": "off",
		"prefer-native-element": "off",
		// Several buttons may name their choice.
		"form-dup-name": ["error", { shared: ["radio", "button", "submit"] }],
	},
});

const field = (p, values) => Object.entries(values).reduce(
	(last, [name, value]) => last.then(() => p.fill(`[name="${name}"]`, value)), Promise.resolve());
const send = (p) => p.click("form button:not([type]):not(.second)");
const at = (path) => (p) => p.goto(plan.base + path);
const posted = (path, values, button = send) => async (p) => {
	await at(path)(p);
	await field(p, values);
	await button(p);
};
const proof = { user: "carol", current: "right" };
const fresh = { password: "tram lemon quilt", again: "tram lemon quilt" };
const { links } = plan;
const answers = async (p, second) => {
	await at("/setup/questions")(p);
	for (const i of [1, 2, 3])
		await p.selectOption(`[name="question${i}"]`, { index: i });
	await field(p, { answer1: "Bär", answer2: second, answer3: "river", ...proof });
	await send(p);
};

// Every page and every state of it; the value is the status that it has to come with.
const PAGES = {
	"ask": [at("/"), 200],
	"ask-wrong": [posted("/", { user: " " }), 422],
	"sent": [posted("/", { user: "carol" }), 200],
	"code-sent": [posted("/", { user: "carol" }, (p) => p.click("button.second")), 200],
	"code": [at("/code"), 200],
	"code-wrong": [posted("/code", { user: "carol", code: "AAAA-AAAA" }), 422],
	"grant": [posted("/code", { user: "carol", code: "7KQ4-M2XD" }), 200],
	"grant-done": [async (p) => { await PAGES.grant[0](p); await field(p, fresh); await send(p); }, 200],
	"reset": [at(links.good), 200],
	"reset-differ": [posted(links.good, { password: "a", again: "b" }), 422],
	"reset-refused": [posted(links.good, { password: "weak", again: "weak" }), 422],
	"reset-unknown": [posted(links.good, { password: "lost", again: "lost" }), 503],
	"reset-done": [posted(links.good, fresh), 200],
	"dead-expired": [at(links.expired), 410],
	"dead-used": [at(links.used), 410],
	"dead-revoked": [at(links.revoked), 410],
	"dead-damaged": [at("/r/cut"), 404],
	"busy": [at(links.busy), 429],
	"away": [at(links.away), 503],
	"revoke": [at(links.good.replace("/r/", "/revoke/")), 200],
	"revoked": [posted(links.good.replace("/r/", "/revoke/"), {}), 200],
	"username": [at("/username"), 200],
	"username-wrong": [posted("/username", { address: "a..b@example.org" }), 422],
	"username-sent": [posted("/username", { address: "carol@example.org" }), 200],
	"change": [at("/change"), 200],
	"change-wrong": [posted("/change", { user: "carol", current: "wrong", ...fresh }), 422],
	"change-done": [posted("/change", { ...proof, ...fresh }), 200],
	"setup": [at("/setup"), 200],
	"setup-status": [posted("/setup", proof), 200],
	"setup-codes": [at("/setup/codes"), 200],
	"setup-codes-shown": [posted("/setup/codes", proof), 200],
	"setup-mail": [at("/setup/mail"), 200],
	"setup-confirm": [posted("/setup/mail", { address: "carol@home.example", ...proof }), 200],
	"setup-confirm-wrong": [posted("/setup/confirm", { user: "carol", address: "a@b.example", code: "AAAA-AAAA" }), 422],
	"setup-mail-done": [posted("/setup/confirm", { user: "carol", address: "a@b.example", code: "7KQ4-M2XD" }), 200],
	"setup-questions": [at("/setup/questions"), 200],
	"setup-questions-wrong": [(p) => answers(p, "blue"), 422],
	"setup-questions-done": [(p) => answers(p, "other"), 200],
	"not-found": [at("/nothing"), 404],
};

// In the page: what is cut off, overlaps, is too small to touch or wider than the screen.
const geometry = () => {
	const found = [], root = document.documentElement;
	if (root.scrollWidth > innerWidth)
		found.push(`wider than the screen: ${root.scrollWidth} > ${innerWidth}`);
	const name = (e) => `${e.localName}${e.id ? "#" + e.id : ""} "${(e.textContent || "").trim().slice(0, 30)}"`;
	for (const e of document.querySelectorAll("main *, header *, footer *")) {
		const box = e.getBoundingClientRect();
		if (box.width === 0 || e.localName === "option")
			continue;
		if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && e.localName !== "input" && e.localName !== "select")
			found.push(`cut off: ${name(e)} ${e.scrollWidth} > ${e.clientWidth}`);
		if (box.right > innerWidth + 1 || box.left < -1)
			found.push(`off the screen: ${name(e)}`);
	}
	const targets = [...document.querySelectorAll("a, button, input:not([type=hidden]), select")]
		.map((e) => [e, e.getBoundingClientRect()]).filter(([, b]) => b.width > 0);
	for (const [e, b] of targets) {
		// A link within a sentence is exempt (WCAG 2.5.8).
		if (b.height < 24 && getComputedStyle(e).display !== "inline")
			found.push(`too small to touch: ${name(e)} ${b.height}`);
		for (const [f, c] of targets)
			if (e !== f && !e.closest(".shown")?.contains(f) && !e.contains(f) && !f.contains(e) &&
			    b.left < c.right - 1 && c.left < b.right - 1 && b.top < c.bottom - 1 && c.top < b.bottom - 1)
				found.push(`overlap: ${name(e)} and ${name(f)}`);
	}
	return found;
};

async function look(page, name) {
	for (const [width, height] of VIEWS)
		for (const scheme of SCHEMES) {
			here = `${plan.language} ${name} ${width} ${scheme} ${plan.javascript ? "js" : "nojs"}`;
			await page.setViewportSize({ width, height });
			await page.emulateMedia({ colorScheme: scheme });
			for (const what of await page.evaluate(geometry))
				find(what);
			if (plan.javascript) {
				const result = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
				for (const v of result.violations)
					find(`axe ${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")}`);
			}
			await page.screenshot({ path: `${plan.out}/${name}-${width}-${scheme}.png`, fullPage: true });
		}
	await page.setViewportSize({ width: 320, height: 640 });
	here = `${plan.language} ${name} 320 ${plan.javascript ? "js" : "nojs"}`;
	for (const what of await page.evaluate(geometry))
		find(what);
	await page.setViewportSize({ width: VIEWS[0][0], height: VIEWS[0][1] });
}

async function visit(page, name, [go, wanted]) {
	here = `${plan.language} ${name}`;
	html = "";
	await go(page);
	if (html.status !== wanted)
		find(`status ${html.status}, not ${wanted}`);
	const text = await html.text;
	const report = await validator.validateString(text);
	for (const message of report.results.flatMap((r) => r.messages))
		find(`html ${message.ruleId} in line ${message.line}: ${message.message}`);
	if (!text.includes(`<html lang="${plan.language}">`))
		find("the page is in another language");
	if (plan.javascript)
		await page.evaluate(axe);
	await look(page, name);
	if (name === "setup-codes-shown") {
		// A4 at 96 dots an inch, less the margins.
		await page.setViewportSize({ width: 720, height: 1040 });
		await page.emulateMedia({ media: "print", colorScheme: "dark" });
		await page.screenshot({ path: `${plan.out}/${name}-print.png`, fullPage: true });
		await page.emulateMedia({ media: "screen" });
		await page.setViewportSize({ width: VIEWS[0][0], height: VIEWS[0][1] });
	}
	visited.push(name);
}

const browser = await chromium.launch({ executablePath: plan.browser, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
const context = await browser.newContext({ locale: plan.language, javaScriptEnabled: plan.javascript, viewport: { width: 360, height: 740 } });
const page = await context.newPage();
page.on("response", (r) => {
	if (r.request().isNavigationRequest())
		html = { status: r.status(), text: r.text().catch(() => "") };
});
page.on("request", (r) => r.url().startsWith(plan.base + "/") || find(`request to ${r.url()}`));
page.on("pageerror", (e) => find(`script: ${e.message}`));
page.on("console", (m) => /status of [45]\d\d/.test(m.text()) || find(`console: ${m.text()}`));
mkdirSync(plan.out, { recursive: true });
for (const [name, entry] of Object.entries(PAGES))
	await visit(page, name, entry).catch((e) => find(`the walk stopped: ${e.message}`));
for (const cookie of await context.cookies())
	find(`cookie ${cookie.name}`);
await browser.close();
console.log(JSON.stringify({ findings, visited }));
