package text

// Catalogue is every text of every page. Keys are grouped by page.
var Catalogue = map[string]Entry{
	// Around every page.
	"site.name":        {"Plenary", "Plenary"},
	"page.skip":        {"Skip to the content", "跳到正文"},
	"nav.label":        {"Main", "主导航"},
	"nav.work":         {"Sections", "分区"},
	"nav.more":         {"More", "更多"},
	"nav.find":         {"Find my order", "查找订单"},
	"nav.progress":     {"Your order in progress", "进行中的订单"},
	"nav.organise":     {"For organisers", "主办方入口"},
	"nav.api":          {"API", "API"},
	"language.label":   {"Language", "语言"},
	"language.en":      {"English", "English"},
	"language.zh-Hans": {"中文", "中文"},
	"theme.label":      {"Appearance", "外观"},
	"theme.system":     {"System", "跟随系统"},
	"theme.light":      {"Light", "浅色"},
	"theme.dark":       {"Dark", "深色"},
	"error.prefix":     {"Error:", "错误："},
	"live.lost":        {"This page has not been updating since {time}. It will go on by itself.", "本页自 {time} 起未能更新，恢复后会自动继续。"},
	"copy.done":        {"Copied", "已复制"},
	"time.yours":       {"your time", "您的时间"},
	"time.at":          {"{clock} {place}", "{clock}（{place}）"},
	"time.place":       {"in {city} ({offset})", "{city}时间，{offset}"},
	"price.free":       {"Free", "免费"},
	"field.optional":   {"(optional)", "（选填）"},

	// How many seats there are.
	"seats.sold-out": {"Sold out", "已售罄"},
	"seats.few":      {"Only {n} left", "仅剩 {n} 个"},
	"seats.left":     {"{n} left", "余 {n} 个"},
	"seats.from":     {"On sale from {when}", "{when} 起开售"},
	"seats.closed":   {"Sales have ended", "已停止售票"},

	// The first page.
	"home.title":         {"Conferences", "会议"},
	"home.search":        {"Search by name or place", "按名称或地点搜索"},
	"home.search.button": {"Search", "搜索"},
	"home.now":           {"On sale", "正在售票"},
	"home.soon":          {"Not on sale yet", "即将开售"},
	"home.over":          {"Past", "往届"},
	"home.over.word":     {"This conference is over", "会议已结束"},
	"home.from":          {"From {price}", "{price} 起"},
	"home.nothing":       {"No conference matches", "没有符合的会议"},
	"home.nothing.text":  {"Try fewer or other words.", "请减少或更换搜索词。"},
	"home.all":           {"Show all conferences", "显示全部会议"},
	"home.empty":         {"No conference is on sale", "目前没有会议在售票"},
	"home.empty.text":    {"Once an organiser publishes one, it is shown here.", "主办方发布会议后，会显示在这里。"},

	// A conference.
	"conference.when":             {"When", "时间"},
	"conference.where":            {"Where", "地点"},
	"conference.hours":            {"Begins {from}, ends {to}, {place}", "{from} 开始，{to} 结束（{place}）"},
	"conference.refunds":          {"Refunds", "退款"},
	"conference.refunds.until":    {"Until {when}", "{when} 前可退款"},
	"conference.seats":            {"Choose your seats", "选择席位"},
	"conference.over":             {"This conference is over", "会议已结束"},
	"conference.over.text":        {"Seats can no longer be ordered. If you have an order, you can still look it up.", "已不能订购席位。如果您有订单，仍可查看。"},
	"conference.unpublished":      {"Not on sale at the moment", "目前不在售票"},
	"conference.unpublished.text": {"The organiser has stopped new orders. Orders already placed go on.", "主办方已停止接受新订单，已提交的订单不受影响。"},
	"conference.no-seats":         {"There are no seats to order yet", "还没有可订购的席位"},
	"conference.no-seats.text":    {"Please look again later.", "请稍后再来查看。"},
	"conference.details":          {"Fill in your details now", "现在填写您的信息"},
	"conference.details.text":     {"You can also do this later. It saves time while your seats are held.", "也可以稍后填写。现在填写，可以在席位保留期间节省时间。"},
	"conference.order":            {"Hold my seats", "为我保留席位"},
	"conference.order.text":       {"Your seats are then held for a while. You pay nothing yet.", "席位会为您保留一段时间，此时还不需要付款。"},
	"quantity.less":               {"One less: {name}", "减少一个：{name}"},
	"quantity.more":               {"One more: {name}", "增加一个：{name}"},

	// A person.
	"person.first":      {"First name", "名"},
	"person.last":       {"Last name", "姓"},
	"person.email":      {"E-mail address", "电子邮箱"},
	"person.email.hint": {"You find your order again with it.", "用于再次查找您的订单。"},

	// When something went wrong.
	"problem.home": {"Go to the first page", "返回首页"},
}
