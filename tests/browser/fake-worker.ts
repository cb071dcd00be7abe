// Stands in for the engine's worker: passes the page's requests to the test, and the test's events to the page.

const channel = new BroadcastChannel("fake-engine");
channel.onmessage = (event) => postMessage(event.data);
onmessage = (event) => channel.postMessage(event.data);
