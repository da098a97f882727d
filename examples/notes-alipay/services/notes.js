// Everything the pages ask of the cloud, through a signed-in MPServerless.

function createNotes(mpServerless) {
  const notes = mpServerless.db.collection('notes')

  return {
    tags() {
      return mpServerless.db.collection('tags').find({}, { sort: { name: 1 } }).then((found) => found.result)
    },

    // The rules show everyone only their own notes.
    list(filter = {}) {
      return notes.find(filter, { sort: { updatedAt: -1 }, limit: 50 }).then((found) => found.result)
    },

    async add({ title, text, tags = [], picture }) {
      const uploaded = picture ? await mpServerless.file.uploadFile({ filePath: picture }) : null
      const { result: { user } } = await mpServerless.user.getInfo()
      const now = new Date()
      const note = {
        title, text, tags, picture: uploaded && uploaded.fileUrl, author: user.userId, createdAt: now, updatedAt: now
      }
      const { result } = await notes.insertOne(note)
      return result.insertedId
    },

    async change(id, changes) {
      const { affectedDocs } = await notes.updateOne({ _id: id }, { $set: { ...changes, updatedAt: new Date() } })
      return affectedDocs === 1
    },

    async remove(note) {
      if (note.picture) await mpServerless.file.deleteFile(note.picture)
      return notes.deleteOne({ _id: note._id })
    },

    count() { return notes.count({}).then((counted) => counted.result) },
    publish(id) { return mpServerless.function.invoke('publish', { id }).then((answer) => answer.result) },
    published(limit) { return mpServerless.function.invoke('notes', { limit }).then((answer) => answer.result) },
    summary() { return mpServerless.function.invoke('summary', {}).then((answer) => answer.result) }
  }
}

module.exports = { createNotes }
