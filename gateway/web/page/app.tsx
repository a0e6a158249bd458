import { SignIn } from "./account/sign-in.tsx";
import { Chat } from "./chat.tsx";
import { Skeleton } from "./parts/skeleton.tsx";
import { ToastList } from "./parts/toast-list.tsx";
import { JoinRoom } from "./rooms/join-room.tsx";
import { MeContext, useParley } from "./state/context.ts";
import { useObservable } from "./state/observable.ts";
import { useRoute } from "./state/route.ts";

/** The page: by who is signed in, and by where one is. */
export function App() {
  const session = useObservable(useParley().session);
  const route = useRoute();
  return (
    <>
      {session.status === "loading" && (
        <main class="loading">
          <Skeleton rows={6} label="Loading" />
        </main>
      )}
      {session.status === "signedOut" && <SignIn reason={session.reason} invited={route.at === "join"} />}
      {session.status === "signedIn" && (
        <MeContext.Provider value={session.user}>
          <Chat route={route} />
          {route.at === "join" && <JoinRoom key={route.code} code={route.code} />}
        </MeContext.Provider>
      )}
      <ToastList />
    </>
  );
}
