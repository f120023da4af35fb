/**
 * Shows the messages of a room, from a page that cannot or should not use a WebSocket.
 *
 * `tokenOf` is a function of your site: it asks your server, which asks MaChat's /api/token.
 */
export async function listen(url, room, tokenOf, show) {
  let last = "";
  let source = null;
  const open = async () => {
    const query = new URLSearchParams({ room, token: await tokenOf(room) });
    if (last) query.set("since", last);
    source = new EventSource(`${url}/api/events?${query}`);
    source.onmessage = (event) => {
      last = event.lastEventId;
      show(JSON.parse(event.data));
    };
    source.addEventListener("joined", ({ data }) => {
      if (JSON.parse(data).recovered === false)
        show({ from: "page", text: "messages are missing" });
    });
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 2000); // the token has expired
    };
  };
  await open();
  return () => source.close();
}
