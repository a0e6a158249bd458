import { render } from "preact";
import { createParley } from "../../../client/index.ts";
import { App } from "./app.tsx";
import { PageContext } from "./state/context.ts";
import { createToasts } from "./state/toasts.ts";
import { deviceName } from "./text/device-name.ts";

const parley = createParley({ deviceName: deviceName(navigator.userAgent) });
parley.connect();

render(
  <PageContext.Provider value={{ parley, toasts: createToasts() }}>
    <App />
  </PageContext.Provider>,
  document.getElementById("app")!,
);
