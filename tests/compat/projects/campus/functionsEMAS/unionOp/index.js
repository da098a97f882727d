const { callerOpenid } = require('./_shared.js')

const actions = {
  curdOp: require('./records.js'),
  userOp: require('./users.js'),
  isManager: require('./isManager.js'),
  getCatLocations: require('./locations.js'),
  getAccessToken: require('./accessToken.js'),
  getPoster: require('./poster.js'),
  deleteFiles: async (ctx) => {
    for (const id of ctx.args.photoIDs) await ctx.mpserverless.file.deleteFile(id)
    return { ok: true }
  },
  whoAmI: async (ctx) => ({ openid: await callerOpenid(ctx) })
}

module.exports = async (ctx) => {
  if (ctx.args?.deploy_test === true) {
    return "v1.1"
  }
  const handler = actions[ctx.args?.unionAction]
  if (!handler) {
    return { errMsg: `unknown action: ${ctx.args?.unionAction}`, ok: false }
  }
  return await handler(ctx)
}
