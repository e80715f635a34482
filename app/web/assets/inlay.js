// Inlay on a web page (docs/pages.md). No cookie; before consent nothing is sent, kept or stored.
(() => {
  const { key = "", consent } = document.currentScript.dataset, calls = Array.isArray(window.inlay) ? window.inlay : []
  const to = new URL("events?key=" + key, document.currentScript.src).href
  const ME = "inlay", LEFT = "inlay.left", KEPT = 200, CHUNK = 12e3, gpc = navigator.globalPrivacyControl
  let me = null, claim = null, queue = [], flying = [], wait = 0, timer = 0, page = "", deepest = 0, told = 0

  const random = () => [...crypto.getRandomValues(new Uint8Array(16))].map(b => b.toString(16).padStart(2, 0)).join("")
  const read = name => { try { return JSON.parse(localStorage[name]) } catch { return null } }
  const write = (name, value) => { try { value ? localStorage[name] = JSON.stringify(value) : delete localStorage[name] } catch { /* full, or forbidden */ } }
  const here = () => location.origin + location.pathname

  function campaign() {
    const utm = [...new URLSearchParams(location.search)].filter(([name]) => name.startsWith("utm_"))
    return Object.fromEntries(utm.map(([name, value]) => [name === "utm_campaign" ? "name" : name.slice(4), value]))
  }
  function add(event) {
    if (!me) return
    const context = { page: { url: page, referrer: document.referrer.split(/[?#]/)[0] }, campaign: campaign() }
    const whole = { ...event, anonymousId: me.id, messageId: random(), timestamp: new Date().toISOString(), context }
    if (JSON.stringify(whole).length > CHUNK / 2) return console.warn("inlay: too large, not sent", event.event)
    queue = [...queue, whole].slice(-KEPT)
    navigator.onLine ? later(wait || 500) : keep()
  }
  const track = (event, properties = {}) => add({ type: "track", event, properties })
  const view = (properties = {}) => {
    page = here()
    deepest = told = 0
    add({ type: "page", properties: { path: location.pathname, ...properties } })
  }

  // -- sending: each event until it is answered; its messageId makes it count once
  const later = ms => { timer ||= setTimeout(() => { timer = 0; send() }, ms) }
  function chunk() { // of one anonymous id; identify goes alone, so that nothing else is refused with it
    const ready = queue.filter(event => !flying.includes(event)), [first] = ready
    let size = 0
    const end = ready.findIndex((event, at) => at && ((size += JSON.stringify(event).length) > CHUNK || event.anonymousId !== first.anonymousId || [event, first].some(each => each.type === "identify")))
    return end < 0 ? ready : ready.slice(0, end)
  }
  const body = batch => JSON.stringify({ batch, sentAt: new Date().toISOString() })
  const keep = () => write(LEFT, me && [...(read(LEFT) || []).filter(old => !queue.some(event => event.messageId === old.messageId)), ...queue].slice(-KEPT))
  function done(batch) {
    queue = queue.filter(event => !batch.includes(event))
    const left = (read(LEFT) || []).filter(old => !batch.some(event => event.messageId === old.messageId))
    write(LEFT, left.length && left)
  }
  async function send() {
    const batch = chunk()
    if (flying.length || !batch.length || !navigator.onLine) return
    flying = batch
    const answer = await fetch(to, { method: "POST", body: body(batch), keepalive: true, credentials: "omit" }).catch(() => null)
    flying = []
    if (!answer || answer.status > 499 || answer.status === 429) {
      wait = Math.min((wait || 500) * 2, 3e5)
      keep()
    } else {
      wait = 0
      if (answer.ok && me && me.hash && me.hash === batch[0].userHash) write(ME, me = { ...me, sure: true })
      if (!answer.ok) console.warn("inlay: refused", answer.status, await answer.text())
      done(batch)
    }
    if (queue.length) later(wait)
  }
  function hide() {
    scrolled()
    for (let batch; navigator.onLine && (batch = chunk()).length && navigator.sendBeacon(to, body(batch));) done(batch)
    if (queue.length) keep()
  }
  function resume() {
    const ours = new Set(queue.map(event => event.messageId))
    if (me) queue = [...(read(LEFT) || []).filter(event => !ours.has(event.messageId)), ...queue].slice(-KEPT)
    wait = 0
    later(0)
  }

  // -- what happens on the page
  function scrolled() {
    if (deepest > told) track("Page Scrolled", { depth: told = deepest })
  }
  function moved() {
    if (!me || here() === page) return
    scrolled()
    view()
  }
  const push = history.pushState
  history.pushState = function (...given) { push.apply(this, given); moved() }
  addEventListener("popstate", moved)
  addEventListener("pageshow", ({ persisted }) => persisted && view())
  addEventListener("online", resume)
  addEventListener("pagehide", hide)
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && hide())
  addEventListener("scroll", () => {
    const depth = (scrollY + innerHeight) / document.documentElement.scrollHeight * 100
    deepest = Math.max(deepest, Math.min(100, Math.floor((depth + 1) / 25) * 25))
  }, { passive: true })
  document.addEventListener("click", ({ target }) => {
    const { inlayEvent, ...rest } = target.closest?.("[data-inlay-event]")?.dataset || {}
    const named = Object.entries(rest).filter(([name]) => name.startsWith("inlay"))
    if (inlayEvent) track(inlayEvent, Object.fromEntries(named.map(([name, value]) => [name.slice(5).replace(/(?!^)[A-Z]/g, "_$&").toLowerCase(), value])))
  }, true)

  // -- what the page may call
  const api = {
    track, page: view,
    push: ([name, ...given]) => api[name]?.(...given),
    consent(given) {
      if (given && !gpc && !me) {
        write(ME, me = read(ME) || { id: random() })
        resume()
        view()
        if (claim) api.identify(...claim)
      } else if (!given) {
        me = claim = null
        queue = []
        write(ME)
        write(LEFT)
      }
    },
    identify(userId, userHash) {
      claim = [userId, userHash]
      if (!me || (me.hash === userHash && (me.sure || queue.some(event => event.userHash === userHash)))) return
      write(ME, me = { id: me.hash && me.hash !== userHash ? random() : me.id, hash: userHash })
      add({ type: "identify", userId, userHash })
    },
    reset() {
      claim = null
      if (me) write(ME, me = { id: random() })
    },
  }
  const begin = () => {
    if (gpc) api.consent(false)
    else if (consent === "granted" || read(ME)) api.consent(true)
    for (const call of calls) api.push(call)
    window.inlay = api
  }
  document.prerendering ? document.addEventListener("prerenderingchange", begin, { once: true }) : begin()
})()
