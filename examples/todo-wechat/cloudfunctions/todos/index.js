const cloud = require('wx-server-sdk')
const TcbRouter = require('tcb-router')

cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
const db = cloud.database()
const todos = db.collection('todos')

exports.main = async (event) => {
  const app = new TcbRouter({ event })
  const { OPENID } = cloud.getWXContext()

  // Code in functions is not bound by rules, so each route names the owner itself.
  const mine = (id) => todos.where({ _id: id, _openid: OPENID })

  app.use(async (ctx, next) => {
    ctx.body = {}
    try {
      await next()
    } catch (error) {
      ctx.body = { error: error.message }
    }
  })

  app.router('list', async (ctx) => {
    const { data } = await todos.where({ _openid: OPENID }).orderBy('createdAt', 'desc').limit(100).get()
    ctx.body.data = data
  })

  app.router('add', async (ctx) => {
    const title = String(event.title || '').trim()
    if (!title) throw new Error('标题不能为空')
    const item = {
      _openid: OPENID,
      title,
      category: event.category || null,
      photos: event.photos || [],
      done: false,
      createdAt: db.serverDate()
    }
    const { _id } = await todos.add({ data: item })
    ctx.body.data = { _id }
  })

  app.router('toggle', async (ctx) => {
    const { data: [item] } = await mine(event.id).get()
    if (!item) throw new Error('没有这条待办')
    const done = !item.done
    await mine(event.id).update({ data: { done, doneAt: done ? db.serverDate() : db.command.remove() } })
    ctx.body.data = { done }
  })

  app.router('remove', async (ctx) => {
    const { data: [item] } = await mine(event.id).get()
    if (!item) throw new Error('没有这条待办')
    if (item.photos.length > 0) await cloud.deleteFile({ fileList: item.photos })
    await mine(event.id).remove()
    ctx.body.data = { photos: item.photos.length }
  })

  return app.serve()
}
