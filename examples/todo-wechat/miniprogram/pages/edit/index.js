const { createTodos } = require('../../services/todos')

Page({
  data: { title: '', photos: [], categories: [], chosen: 0, saving: false },

  async onLoad() {
    this.todos = createTodos(wx.cloud)
    this.setData({ categories: await this.todos.categories() })
  },

  input(event) { this.setData({ title: event.detail.value }) },
  choose(event) { this.setData({ chosen: Number(event.detail.value) }) },

  addPhotos() {
    wx.chooseMedia({
      count: 3,
      mediaType: ['image'],
      success: ({ tempFiles }) => this.setData({ photos: tempFiles.map((file) => file.tempFilePath) })
    })
  },

  async save() {
    if (this.data.saving) return
    this.setData({ saving: true })
    const { title, photos, categories, chosen } = this.data
    try {
      await this.todos.add({ title, photos, category: categories[chosen] && categories[chosen]._id })
      wx.navigateBack()
    } catch (error) {
      wx.showToast({ title: error.message, icon: 'none' })
    } finally {
      this.setData({ saving: false })
    }
  }
})
