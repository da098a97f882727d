module.exports = async (ctx) => {
  const { result: user } = await ctx.mpserverless.db.collection('user').findOne({ openid: ctx.args.openid })
  return Boolean(user && user.manager && user.manager >= ctx.args.req)
}
