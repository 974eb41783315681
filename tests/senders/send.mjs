// Sends what the libraries of npm sign: one line of JSON on stdout, {name, status, id}, for each delivery.
//
//   send.mjs MODULES URL SECRETS     (a folder with node_modules; the service; JSON of secrets by hook)

import http from 'node:http'
import {createRequire} from 'node:module'
import path from 'node:path'

const [modules, url, secrets] = [process.argv[2], process.argv[3], JSON.parse(process.argv[4])]
const require = createRequire(path.resolve(modules, 'x.js'))
const PUBLIC = 'https://hooks.example.com'
const agent = new http.Agent({keepAlive: true, maxSockets: 8})

function post(name, hook, body, headers) {
  return new Promise((done, failed) => {
    const q = http.request(url + hook, {method: 'POST', agent, headers: {'content-type': 'application/json', ...headers}}, a => {
      const parts = []
      a.on('data', p => parts.push(p))
      a.on('end', () => {
        const text = Buffer.concat(parts).toString()
        let id = null
        try { id = JSON.parse(text).id ?? null } catch { /* a text */ }
        console.log(JSON.stringify({name, status: a.statusCode, id, retry: a.headers['retry-after'] ?? null}))
        done(a.statusCode)
      })
    })
    q.on('error', failed)
    q.end(body)
  })
}

const tampered = body => body.replace('1', '2')

// Each is sent as it is, and once with another body under the same signature.
async function both(name, hook, body, headers) {
  await post(name, hook, body, headers)
  await post(`${name}, changed`, hook, tampered(body), headers)
}

async function standard() {
  const {Webhook} = require('standardwebhooks')
  const body = JSON.stringify({type: 'user.created', n: 1})
  const at = new Date()
  await both('standardwebhooks', '/hooks/standard', body, {
    'webhook-id': 'msg_1', 'webhook-timestamp': String(Math.floor(at / 1000)),
    'webhook-signature': new Webhook(secrets.standard).sign('msg_1', at, body)})
}

async function svix() {
  const {Webhook} = require('svix')
  const body = JSON.stringify({type: 'invoice.paid', n: 1})
  const at = new Date()
  await both('svix', '/hooks/svix', body, {
    'svix-id': 'msg_1', 'svix-timestamp': String(Math.floor(at / 1000)),
    'svix-signature': new Webhook(secrets.svix).sign('msg_1', at, body)})
}

async function stripe() {
  const Stripe = require('stripe')
  const body = JSON.stringify({id: 'evt_1', type: 'charge.succeeded'}, null, 2)
  const webhooks = (Stripe.default ?? Stripe).webhooks ?? new (Stripe.default ?? Stripe)('sk_test_x').webhooks
  await both('stripe', '/hooks/stripe', body, {
    'stripe-signature': webhooks.generateTestHeaderString({payload: body, secret: secrets.stripe})})
}

async function twilio() {
  const {getExpectedTwilioSignature, getExpectedBodyHash} = require('twilio/lib/webhooks/webhooks')
  const form = {MessageSid: 'SM1', EventType: 'onMessageAdded', Body: "it's & more", From: '+14158675309'}
  await both('twilio form', '/hooks/twilio?foo=1', new URLSearchParams(form).toString(), {
    'content-type': 'application/x-www-form-urlencoded',
    'x-twilio-signature': getExpectedTwilioSignature(secrets.twilio, `${PUBLIC}/hooks/twilio?foo=1`, form)})
  const body = JSON.stringify({MessageSid: 'SM12'})
  const query = `/hooks/twilio?bodySHA256=${getExpectedBodyHash(body)}`
  await both('twilio JSON', query, body, {
    'x-twilio-signature': getExpectedTwilioSignature(secrets.twilio, `https://hooks.example.com:443${query}`, {})})
}

async function octokit() {
  const {sign} = await import(path.resolve(modules, 'node_modules/@octokit/webhooks-methods/dist-node/index.js'))
  const examples = require('@octokit/webhooks-examples/api.github.com/index.json')
  const all = examples.flatMap(e => e.examples.map((body, i) => [e.name, i, JSON.stringify(body)]))
  await Promise.all(all.map(async ([name, i, body]) => post(`octokit ${name} ${i}`, '/hooks/github', body, {
    'x-github-event': name, 'x-github-delivery': `${name}-${i}`,
    'x-hub-signature-256': await sign(secrets.github, body)})))
  const [name, i, body] = all[0]
  await post('octokit, changed', '/hooks/github', body + ' ', {
    'x-github-event': name, 'x-github-delivery': `${name}-${i}-x`,
    'x-hub-signature-256': await sign(secrets.github, body)})
}

async function cloudevents() {
  const {CloudEvent, HTTP} = require('cloudevents')
  const make = id => new CloudEvent({id, type: 'com.example.made', source: '/senders', subject: 'a b', data: {n: id, text: 'Zürich'}})
  const binary = HTTP.binary(make('ce1')), structured = HTTP.structured(make('ce2'))
  for (const [name, m] of [['cloudevents binary', binary], ['cloudevents structured', structured]])
    await post(name, '/events', typeof m.body === 'string' ? m.body : JSON.stringify(m.body), m.headers)
  await post('cloudevents batch', '/events', JSON.stringify([make('ce3'), make('ce4')]),
    {'content-type': 'application/cloudevents-batch+json'})
}

for (const work of [standard, svix, stripe, twilio, octokit, cloudevents])
  await work()
agent.destroy()
