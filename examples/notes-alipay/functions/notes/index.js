// Published notes of everybody, newest first, without who wrote them.
module.exports = async (ctx) => {
  const limit = Math.min(Number(ctx.args.limit) || 20, 100)
  const { result } = await ctx.mpserverless.db.collection('notes').find(
    { public: true },
    { sort: { updatedAt: -1 }, limit, projection: { title: 1, text: 1, tags: 1, picture: 1, author: 1 } }
  )
  const { user } = await ctx.mpserverless.user.getInfo()
  return result.map(({ author, ...note }) => ({ ...note, mine: author === user.userId }))
}
