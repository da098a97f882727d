// Makes a note public. Code in functions is not bound by rules, so it looks at the author itself.
module.exports = async (ctx) => {
  const { user } = await ctx.mpserverless.user.getInfo()
  const notes = ctx.mpserverless.db.collection('notes')
  const { result: note } = await notes.findOne({ _id: ctx.args.id })
  if (!note) throw new Error('笔记不存在')
  if (note.author !== user.userId) throw new Error('只能发布自己的笔记')
  const { affectedDocs } = await notes.updateOne({ _id: ctx.args.id }, { $set: { public: true } })
  ctx.logger.info(`${user.userId} published ${ctx.args.id}`)
  return { published: affectedDocs === 1 }
}
