// Handlers call each other inside one function, with a context of their own.
const within = (ctx, args) => ({ mpserverless: ctx.mpserverless, httpclient: ctx.httpclient, args: args || {} })

async function callerOpenid (ctx) {
  const info = await ctx.mpserverless.user.getInfo()
  const user = info && (info.user || (info.result && info.result.user))
  return (user && user.oAuthUserId) || null
}

module.exports = { within, callerOpenid }
