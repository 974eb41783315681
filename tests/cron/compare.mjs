// Compares the due times of schedules with those of two independent libraries.
//
//   node compare.mjs LIBRARIES CRON_DUE [COUNT] [SEED] [--table FILE]
//
// LIBRARIES is a folder with node_modules, CRON_DUE the program of cron_due.c. Ends with 1 when the
// libraries agree on something and we alone say otherwise. --table writes some of what all agree on.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const ZONES = ['UTC', 'Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata',
	'America/Santiago', 'Pacific/Auckland', 'America/St_Johns', 'Asia/Beirut', 'Atlantic/Azores'];
const DUE = 6; // times that are compared of each expression
const TABLE = 200;
const FROM = Date.UTC(2023, 0, 1) / 1000, SPAN = 4 * 365 * 86400;

const args = process.argv.slice(2);
const at = args.indexOf('--table');
const table = at < 0 ? null : args.splice(at, 2)[1];
const [libraries, program] = args;
const count = Number(args[2] ?? 3000), seed = Number(args[3] ?? 1);
const load = createRequire(resolve(libraries, 'package.json'));
const { Cron } = load('croner');
const { CronExpressionParser } = load('cron-parser');

// ---- expressions ----

let state = seed >>> 0;
function random(n) { // mulberry32
	state = (state + 0x6d2b79f5) >>> 0;
	let t = Math.imul(state ^ (state >>> 15), state | 1);
	t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
	return ((t ^ (t >>> 14)) >>> 0) % n;
}
const pick = (list) => list[random(list.length)];

const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');
const DAYS = 'SUN MON TUE WED THU FRI SAT'.split(' ');

function value(f) {
	const v = f.min + random(f.max - f.min + 1);
	return { v, text: f.names && random(2) ? f.names[v - f.min] ?? String(v) : String(v) };
}

// An element of a field, and which values it names.
function part(f) {
	const kind = random(5);
	if (kind < 3) {
		const { v, text } = value(f);
		return { text, from: v, to: v, step: 1 };
	}
	if (kind === 3) {
		const [a, b] = [value(f), value(f)].sort((x, y) => x.v - y.v);
		const step = random(2) ? 1 + random(7) : 0;
		const text = `${a.text}-${b.text}` + (step ? `/${step}` : '');
		return { text, from: a.v, to: b.v, step: step || 1 };
	}
	const step = 1 + random(Math.min(f.max, 31));
	return { text: `*/${step}`, from: f.min, to: f.max, step };
}

// A list names no value twice: one of the libraries refuses that.
function list(f) {
	const seen = new Set(), texts = [];
	for (let n = 2 + random(3); n > 0; n--) {
		const p = part(f), values = [];
		for (let v = p.from; v <= p.to; v += p.step)
			values.push(f.max === 7 ? v % 7 : v);
		if (p.text[0] === '*' || values.some((v) => seen.has(v)))
			continue;
		values.forEach((v) => seen.add(v));
		texts.push(p.text);
	}
	return texts.join(',') || value(f).text;
}

function field(f, any) {
	if (random(100) < any)
		return '*';
	return random(4) ? part(f).text : list(f);
}

function expression() {
	return [
		field({ min: 0, max: 59 }, 15),
		field({ min: 0, max: 23 }, 30),
		field({ min: 1, max: 31 }, 50),
		field({ min: 1, max: 12, names: MONTHS }, 60),
		field({ min: 0, max: 7, names: DAYS }, 50),
	].join(' ');
}

// ---- instants ----

function offset(zone, s) {
	const text = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
		.formatToParts(new Date(s * 1000)).find((p) => p.type === 'timeZoneName').value;
	const m = /GMT([+-])(\d+):(\d+)/.exec(text);
	return m ? (m[1] === '-' ? -1 : 1) * (Number(m[2]) * 60 + Number(m[3])) : 0;
}

const changesOf = new Map();
function changes(zone) {
	if (!changesOf.has(zone)) {
		const found = [];
		for (let s = FROM, was = offset(zone, s); s < FROM + SPAN; s += 3600) {
			const is = offset(zone, s);
			if (is !== was)
				found.push(s);
			was = is;
		}
		changesOf.set(zone, found);
	}
	return changesOf.get(zone);
}

// Half of the instants are within the two days before the zone's clock is set.
function instant(zone) {
	const near = changes(zone);
	if (near.length && random(2))
		return pick(near) - random(2 * 86400);
	return FROM + random(SPAN);
}

function question() {
	const zone = pick(ZONES);
	const cron = expression();
	const after = instant(zone);
	return { cron, zone, after };
}

// ---- answers ----

const seconds = (date) => Math.floor(date.getTime() / 1000);

function croner({ cron, zone, after }) {
	return new Cron(cron, { timezone: zone, paused: true })
		.nextRuns(DUE, new Date(after * 1000)).map(seconds);
}

function cronParser({ cron, zone, after }) {
	const found = [];
	try {
		const it = CronExpressionParser.parse(cron, { tz: zone, currentDate: new Date(after * 1000) });
		while (found.length < DUE)
			found.push(seconds(it.next().toDate()));
	} catch (e) {
		if (!/loop limit|out of/i.test(e.message) && !/Invalid explicit day/.test(e.message))
			throw e;
	}
	return found;
}

function ours(questions) {
	const input = questions.map((q) => `${q.cron}\t${q.zone}\t${q.after}\t${DUE}\n`).join('');
	const lines = execFileSync(program, { input, encoding: 'utf8' }).split('\n');
	return questions.map((q, i) => {
		if (lines[i].startsWith('error'))
			throw new Error(`'${q.cron}' in ${q.zone}: ${lines[i]}`);
		return lines[i] ? lines[i].split(' ').map(Number) : [];
	});
}

// ---- comparison ----

// Up to where the libraries agree we must too; where they part, whom do we follow?
function judge(own, a, b) {
	for (let i = 0; i < DUE; i++) {
		if (a[i] !== b[i])
			return own[i] === a[i] ? 'croner' : own[i] === b[i] ? 'cron-parser' : 'neither';
		if (own[i] !== a[i])
			return 'alone';
	}
	return 'both';
}

const show = (zone, s) => s === undefined ? 'never' : new Date(s * 1000).toLocaleString('sv',
	{ timeZone: zone, dateStyle: 'short', timeStyle: 'short' }) + ' (' + offset(zone, s) / 60 + ')';

function report(kind, q, lists) {
	const i = [...Array(DUE).keys()].find((k) => lists.some((l) => l[k] !== lists[0][k]));
	console.log(`${kind}: '${q.cron}' in ${q.zone} after ${show(q.zone, q.after)}: ` +
		['we', 'croner', 'cron-parser'].map((n, k) => `${n} ${show(q.zone, lists[k][i])}`).join(', '));
}

const questions = Array.from({ length: count }, question);
const own = ours(questions);
const counts = { both: 0, croner: 0, 'cron-parser': 0, neither: 0, alone: 0 };
const agreed = [];
questions.forEach((q, i) => {
	const lists = [own[i], croner(q), cronParser(q)];
	const kind = judge(...lists);
	counts[kind]++;
	if (kind === 'both')
		agreed.push([q.cron, q.zone, q.after, ...own[i]].join('\t'));
	else if (kind === 'alone' || process.env.SHOW)
		report(kind, q, lists);
});
if (table)
	writeFileSync(table, agreed.slice(0, TABLE).join('\n') + '\n');
console.log(`${count} expressions, seed ${seed}, ${ZONES.length} zones, ${DUE} due times each`);
console.log(`all three agree: ${counts.both}`);
console.log(`the two disagree: ${counts.croner + counts['cron-parser'] + counts.neither} ` +
	`(with croner ${counts.croner}, with cron-parser ${counts['cron-parser']}, ` +
	`with neither ${counts.neither})`);
console.log(`we are alone: ${counts.alone}`);
process.exit(counts.alone ? 1 : 0);
