'use strict'
// The example project's own pages on the stand-in of WeChat. Usage: node pages.js ENDPOINT SPACE MINIPROGRAM_ROOT

const assert = require('node:assert/strict')
const { newFile, startMiniProgram } = require('./hosts')

const [endpoint, space, root] = process.argv.slice(2)
const program = startMiniProgram('wx', 'ann', root)
const { api, realm } = program

/** What WeChat makes of the object that a script hands to `App` or `Page`. */
function opened(definition) {
  const instance = Object.create(definition)
  instance.data = { ...definition.data }
  instance.setData = (changed, done) => { Object.assign(instance.data, changed); if (done) done() }
  return instance
}

function openPage(name) {
  let page
  realm.Page = (definition) => { page = opened(definition) }
  program.require(`./pages/${name}/index`)
  return page
}

const until = async (holds) => { while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5)) }

async function main() {
  // The one line that a project adds at the top of its app.js.
  program.require('yunbox/wx').configure({ endpoint, env: space })
  realm.App = (definition) => opened(definition).onLaunch()
  program.require('./app')

  const todos = openPage('todos')
  todos.onLoad()
  await todos.onShow()
  await until(() => todos.data.visits !== undefined && !todos.data.loading)
  assert.deepEqual([todos.data.visits, todos.data.todos.length], [1, 0])

  const edit = openPage('edit')
  await edit.onLoad()
  assert.equal(edit.data.categories.length, 1)
  edit.input({ detail: { value: 'buy milk' } })
  edit.choose({ detail: { value: '0' } })
  api.chooseMedia = ({ success }) => success({ tempFiles: [{ tempFilePath: newFile('a photo') }] })
  edit.addPhotos()
  let back = 0
  api.navigateBack = () => { back += 1 }
  api.showToast = ({ title }) => { throw new Error(title) }
  await edit.save()
  assert.equal(back, 1)

  await todos.refresh()
  const [item] = todos.data.todos
  assert.deepEqual([item.title, item.category, item.done, item.photos.length], ['buy milk', 'home', false, 1])
  const [url] = await todos.todos.photoURLs(item.photos)
  assert.equal(await (await fetch(url)).text(), 'a photo')

  const target = { currentTarget: { dataset: { id: item._id } } }
  await todos.toggle(target)
  const stats = openPage('stats')
  await stats.onShow()
  assert.deepEqual([stats.data.total, stats.data.done, stats.data.categories[0].name], [1, 1, 'Home'])

  api.showModal = ({ success }) => success({ confirm: true })
  todos.remove(target)
  todos.data.showDone = true
  await until(() => { todos.refresh(); return todos.data.todos.length === 0 })
  console.log(JSON.stringify({ step: 'pages', ok: true }))
  process.exit(0)
}

main().catch((error) => {
  console.log(JSON.stringify({ step: 'pages', ok: false, error: String(error.stack) }))
  process.exit(0)
})
