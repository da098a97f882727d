const { createTodos } = require('../../services/todos')

Page({
  data: { todos: [], loading: true, showDone: false },

  onLoad() {
    this.todos = createTodos(wx.cloud)
    this.todos.login().then((user) => this.setData({ visits: user.visits }))
  },

  onShow() { this.refresh() },
  onPullDownRefresh() { this.refresh().then(() => wx.stopPullDownRefresh()) },

  async refresh() {
    const todos = await this.todos.list(this.data.showDone)
    this.setData({ todos, loading: false })
  },

  switchDone(event) { this.setData({ showDone: event.detail.value }, () => this.refresh()) },
  edit() { wx.navigateTo({ url: '/pages/edit/index' }) },

  async toggle(event) {
    await this.todos.toggle(event.currentTarget.dataset.id)
    this.refresh()
  },

  remove(event) {
    const { id } = event.currentTarget.dataset
    wx.showModal({
      title: '删除这条待办？',
      success: async ({ confirm }) => {
        if (!confirm) return
        await this.todos.remove(id)
        this.refresh()
      }
    })
  }
})
