// Everything the pages ask of the cloud. `cloud` is wx.cloud, or anything with the same calls.

const extension = (path) => (/\.\w+$/.exec(path) || ['.jpg'])[0]

function createTodos(cloud) {
  async function call(route, data = {}) {
    const { result } = await cloud.callFunction({ name: 'todos', data: { $url: route, ...data } })
    if (result.error) throw new Error(result.error)
    return result.data
  }

  return {
    async login() {
      const { result } = await cloud.callFunction({ name: 'login', data: {} })
      return result
    },

    categories() {
      return cloud.database().collection('categories').orderBy('order', 'asc').get().then((found) => found.data)
    },

    // Items carry their owner's mark, so the rules show everyone only their own.
    list(done = false) {
      return cloud.database().collection('todos').where({ done }).orderBy('createdAt', 'desc').limit(20).get()
        .then((found) => found.data)
    },

    async add({ title, category, photos = [] }) {
      const uploaded = []
      for (const filePath of photos) {
        const cloudPath = `todos/${Date.now()}-${Math.random().toString(16).slice(2, 10)}${extension(filePath)}`
        uploaded.push((await cloud.uploadFile({ cloudPath, filePath })).fileID)
      }
      return call('add', { title, category, photos: uploaded })
    },

    toggle(id) { return call('toggle', { id }) },
    remove(id) { return call('remove', { id }) },

    async photoURLs(fileList) {
      if (fileList.length === 0) return []
      const answer = await cloud.getTempFileURL({ fileList })
      return answer.fileList.map((file) => file.tempFileURL)
    },

    async stats() {
      const { result } = await cloud.callFunction({ name: 'stats', data: {} })
      return result
    }
  }
}

module.exports = { createTodos }
