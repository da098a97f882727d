'use strict'
// node notes_pages.js '{"endpoint","spaceId","clientSecret"}' PICTURE: the example's app and pages on a stand-in of Alipay,
// each file bundled as Alipay's tools do it. The address and the keys are what a user writes into config.js.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { exchange, host } = require('../../compat/js/ali_platform.js')
const { buildSync } = require('../../../sdk/js/node_modules/esbuild')

const [keys, picture] = process.argv.slice(2)
const root = process.env.EXAMPLE
fs.writeFileSync(path.join(root, 'config.js'), `export default ${JSON.stringify({ appId: '2021', ...JSON.parse(keys) })}\n`)

const my = Object.assign(host('my', 'code-of-ann'), {
  chooseImage: ({ success }) => success({ apFilePaths: [picture] }),
  navigateBack() {},
  navigateTo() {},
  showToast() {},
  stopPullDownRefresh() {}
})

let app
let page
Object.assign(globalThis, {
  my,
  App: (definition) => { app = definition },
  getApp: () => app,
  Page: (definition) => {
    page = Object.create(definition)
    page.data = { ...definition.data }
    page.setData = (changed) => Object.assign(page.data, changed)
  }
})

function load (file) {
  const target = path.join(root, 'bundle', file)
  buildSync({ entryPoints: [path.join(root, file)], outfile: target, bundle: true, format: 'cjs', nodePaths: [process.env.NODE_PATH], logLevel: 'warning' })
  require(target)
}

function open (name) {
  load(`pages/${name}/index.js`)
  return page
}

async function until (what, holds) {
  for (const end = Date.now() + 10_000; !holds(); await new Promise((resolve) => setTimeout(resolve, 10))) {
    assert.ok(Date.now() < end, `not in 10 s: ${what}`)
  }
}

async function main () {
  load('app.js')
  await app.onLaunch()

  const edit = open('edit')
  await edit.onLoad()
  assert.deepEqual(edit.data.tags.map((tag) => tag.name).sort(), ['灵感', '生活', '读书'].sort())
  edit.choose({ detail: { value: ['生活'] } })
  edit.choosePicture()
  await edit.save({ detail: { value: { title: '第一篇', text: '你好' } } })

  const notes = open('notes')
  notes.onLoad()
  notes.onShow()
  await until('the notes', () => !notes.data.loading)
  const [note] = notes.data.notes
  assert.deepEqual([note.title, note.tags], ['第一篇', ['生活']])
  assert.equal((await exchange(note.picture, { method: 'GET' })).status, 200)

  await notes.publish({ target: { dataset: { id: note._id } } })
  await until('the publication', () => notes.data.notes[0].public)
  await notes.remove({ target: { dataset: { index: 0 } } })
  await until('no notes', () => notes.data.notes.length === 0)
  assert.equal((await exchange(note.picture, { method: 'GET' })).status, 404)
  console.log('done')
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1) })
