/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Comfort only: every page is whole without it, and the daemon judges the password. Nothing typed leaves the page. */
(() => {
	"use strict";
	const make = (name, parent, text) => {
		const element = parent.appendChild(document.createElement(name));
		if (text)
			element.textContent = text;
		return element;
	};

	/* A rough estimate in bits: characters that continue a run or repeat the last step count little. */
	const strength = (text) => {
		const points = [...text].map((c) => c.codePointAt(0));
		let pool = 0, length = 0, step = NaN;
		for (const [set, size] of [[/[a-z]/, 26], [/[A-Z]/, 26], [/\d/, 10], [/[^a-zA-Z\d]/, 24]])
			if (set.test(text))
				pool += size;
		points.forEach((point, i) => {
			const now = point - points[i - 1];
			length += Math.abs(now) < 2 || now === step || points.indexOf(point) < i - 1 && pool < 30 ? 0.4 : 1;
			step = now;
		});
		const bits = length * Math.log2(pool || 1);
		/* One word with something behind it. */
		return /^[^\s\d_.-]{3,14}[\d\W_]{0,5}$/.test(text) ? bits / 2 : bits;
	};

	const hint = (field, bars) => {
		const line = make("p", field);
		line.className = "hint";
		line.dataset.level = 0;
		line.setAttribute("role", "status");
		for (let i = 0; i < bars; i++)
			make("i", line);
		const words = make("span", line);
		let timer;
		/* Not at every key: a screen reader would never come to an end. */
		return (level, text, good) => {
			line.dataset.level = level;
			line.classList.toggle("good", good);
			clearTimeout(timer);
			timer = setTimeout(() => { words.textContent = text; }, 350);
		};
	};

	const showButton = (input, words) => {
		const box = document.createElement("div");
		box.className = "shown";
		input.replaceWith(box);
		box.append(input);
		const button = make("button", box, words.show);
		button.type = "button";
		button.setAttribute("aria-controls", input.id);
		button.onclick = () => {
			const hidden = input.type === "password";
			input.type = hidden ? "text" : "password";
			button.textContent = hidden ? words.hide : words.show;
		};
		/* Password managers and form histories know a password by its type. */
		input.form.addEventListener("submit", () => { input.type = "password"; });
	};

	for (const form of document.forms) {
		const words = form.dataset, first = form.elements.password, again = form.elements.again;
		if (words.show)
			for (const input of form.querySelectorAll("[type=password]"))
				showButton(input, words);
		if (first && again) {
			const say = hint(first.closest(".field"), 3), compare = hint(again.closest(".field"), 0);
			form.addEventListener("input", () => {
				const bits = strength(first.value), short = [...first.value].length < words.min;
				const level = !first.value ? 0 : short || bits < 42 ? 1 : bits < 60 ? 2 : 3;
				say(level, ["", short ? words.short : words.weak, words.fair, words.good][level], level > 2);
				const same = first.value === again.value;
				compare(0, again.value ? same ? words.match : words.differ : "", same);
			});
		}
		/* A second tap does not ask twice. */
		form.addEventListener("submit", (event) => {
			if (form.sent)
				event.preventDefault();
			form.sent = true;
		});
		addEventListener("pageshow", () => { form.sent = false; });
	}
	for (const button of document.querySelectorAll(".print")) {
		button.hidden = false;
		button.onclick = () => print();
	}
})();
