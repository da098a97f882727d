'use strict'
// The example's pages and our component in miniprogram-simulate, which renders their templates. Prints one JSON line for
// each step. Usage: node simulate.js ENDPOINT SPACE MINIPROGRAM_ROOT

const assert = require('node:assert/strict')
const path = require('node:path')
const { createRequire } = require('node:module')
const { newFile, hostAPI } = require('./hosts')

const [endpoint, space, root] = process.argv.slice(2)
const tools = createRequire(path.join(__dirname, '..', '..', 'compat', 'package.json'))
const PACKAGE = path.join(__dirname, '..', '..', '..', 'sdk', 'js', 'miniprogram_dist')

const { window } = new (tools('jsdom').JSDOM)('<!doctype html><body></body>', { pretendToBeVisual: true })
Object.assign(globalThis, { window, document: window.document, Event: window.Event, CustomEvent: window.CustomEvent })
for (const name of ['Node', 'Element', 'HTMLElement', 'Text', 'DocumentFragment', 'getComputedStyle']) globalThis[name] = window[name]
const simulate = tools('miniprogram-simulate')
const exparser = tools('miniprogram-exparser')
Object.assign(globalThis.wx, hostAPI('wx', 'ann'))

// Pages may be written as components; miniprogram-simulate knows these alone.
let opened
globalThis.Page = ({ data, ...methods }) => {
  Component({ data, methods, lifetimes: { attached() { opened = this } } })
}
globalThis.App = (definition) => definition.onLaunch()

/** A rendered page, or component with these properties. */
function show(file, properties) {
  const page = simulate.render(simulate.load(file, { compiler: 'simulate', rootPath: root }), properties)
  page.attach(document.body.appendChild(document.createElement('div')))
  return page
}

/** A page that has been opened. */
function open(name) {
  const page = show(path.join(root, 'pages', name, 'index'))
  const shown = { page, text: () => page.dom.textContent.replace(/\s+/g, ' '), instance: opened }
  if (opened.onLoad) opened.onLoad({})
  if (opened.onShow) opened.onShow()
  return shown
}

/** The rendered nodes of a tag, as `{ name: value }` of their attributes. */
function nodes(page, tag) {
  const found = []
  const visit = (node) => {
    if (node.tagName === `wx-${tag}`) found.push(Object.fromEntries(node.attrs.map(({ name, value }) => [name, value])))
    for (const child of node.children || []) if (typeof child === 'object') visit(child)
  }
  visit(page.toJSON())
  return found
}

/** Tells the innermost node of a tag with this text of an event. */
function fire(page, tag, name, { detail = {}, text = '' } = {}) {
  const node = [...page.dom.querySelectorAll(`wx-${tag}`)].reverse().find((one) => one.textContent.includes(text))
  assert.ok(node, `no <${tag}> with ${text}`)
  const options = { bubbles: true, capturePhase: true, composed: true }
  exparser.Event.dispatchEvent(node.__wxElement, exparser.Event.create(name, detail, options))
}

const content = async (url) => (await fetch(url)).text()

async function until(what, holds) {
  for (const end = Date.now() + 10_000; ; await simulate.sleep(10)) {
    if (await holds()) return
    if (Date.now() > end) throw new Error(`not in 10 s: ${what}`)
  }
}

const steps = []
const step = (title, work) => steps.push([title, work])

const state = {}
const yunbox = require(path.join(PACKAGE, 'wx.js'))

step('the app starts and shows an empty list', async () => {
  // The one line that a project adds at the top of its app.js.
  require(path.join(PACKAGE, 'wx.js')).configure({ endpoint, env: space, fileURLs: true })
  require(path.join(root, 'app.js'))
  state.todos = open('todos')
  await until('the list', () => state.todos.text().includes('没有待办事项'))
  await until('the login', () => state.todos.instance.data.visits === 1)
})

step('a new item with a photo', async () => {
  const { page, text } = open('edit')
  await until('the categories', () => text().includes('分类：Home'))
  assert.equal(nodes(page, 'button')[0].disabled, true)
  fire(page, 'input', 'input', { detail: { value: 'buy milk' } })
  fire(page, 'picker', 'change', { detail: { value: '0' } })
  wx.chooseMedia = ({ success }) => success({ tempFiles: [{ tempFilePath: newFile('a photo') }] })
  fire(page, 'view', 'tap', { text: '照片' })
  assert.equal(nodes(page, 'image').length, 1)
  const back = new Promise((resolve, reject) => { wx.navigateBack = resolve; wx.showToast = ({ title }) => reject(new Error(title)) })
  fire(page, 'button', 'tap')
  await back
})

step('the list shows it, photo and all', async () => {
  const { page, instance, text } = state.todos
  await instance.onShow()
  await until('the item', () => text().includes('buy milk'))
  const [{ src }] = nodes(page, 'image')
  state.photo = src
  assert.match(src, /^http:/)
  assert.equal(await content(src), 'a photo')
})

step('done, and counted', async () => {
  fire(state.todos.page, 'checkbox', 'tap')
  await until('the item to leave the list', () => state.todos.text().includes('没有待办事项'))
  const { text } = open('stats')
  await until('the figures', () => text().includes('1 / 1'))
})

step('removed, photo and all', async () => {
  const { page, text } = state.todos
  fire(page, 'switch', 'change', { detail: { value: true } })
  await until('the item', () => nodes(page, 'text').some((node) => node.class === 'done'))
  wx.showModal = ({ success }) => success({ confirm: true })
  fire(page, 'text', 'tap', { text: '删除' })
  await until('the item to be gone', () => !text().includes('buy milk'))
  assert.equal((await fetch(state.photo)).status, 404)
})

step('<cloud-image> shows a file by its id', async () => {
  yunbox.configure({ fileURLs: false })
  const cloud = new yunbox.Cloud({ resourceEnv: space })
  const upload = async (name) => (await cloud.uploadFile({ cloudPath: name, filePath: newFile(name) })).fileID
  const [one, two] = [await upload('one.png'), await upload('二.png')]
  assert.match(one, /^cloud:/)
  const image = show(path.join(PACKAGE, 'cloud-image', 'index'), { src: one })
  const shown = () => (nodes(image, 'image')[0] || {}).src
  await until('the first', shown)
  assert.equal(await content(shown()), 'one.png')
  image.setData({ src: two })
  await until('the second', async () => shown() && (await content(shown())) === '二.png')
  image.setData({ src: 'https://elsewhere.example/a.png' })
  await until('another address', () => shown() === 'https://elsewhere.example/a.png')
  const failed = new Promise((resolve) => { image.addEventListener('error', resolve) })
  image.setData({ src: `${one}.nope` })
  assert.match((await failed).detail.errMsg, /nope/)
  await until('nothing', () => !shown())
})

async function main() {
  for (const [title, work] of steps) {
    try {
      await work()
      console.log(JSON.stringify({ step: title, ok: true }))
    } catch (error) {
      console.log(JSON.stringify({ step: title, ok: false, error: String(error.stack || error) }))
    }
  }
  process.exit(0)
}

main()
