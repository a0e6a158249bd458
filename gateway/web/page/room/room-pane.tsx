import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { MessageItem } from "../../../../client/index.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Empty } from "../parts/empty.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { useParley, useToasts } from "../state/context.ts";
import { useObservable } from "../state/observable.ts";
import { useShortcuts } from "../state/shortcuts.ts";
import { failureText } from "../text/words.ts";
import { Announcer } from "./announcer.tsx";
import { Composer, type Purpose } from "./composer.tsx";
import { EmojiPicker, type PickerRequest } from "./emoji-picker.tsx";
import { MembersPanel } from "./members-panel.tsx";
import { type RoomActions, RoomContext } from "./room-context.ts";
import { RoomHeader } from "./room-header.tsx";
import { Timeline, type TimelineControls } from "./timeline.tsx";
import { TypingLine } from "./typing-line.tsx";
import { useUnreadMark } from "./unread-mark.ts";

const newMessage: Purpose = { kind: "new" };
/** Pages that are loaded to find a message that was answered. */
const mostPagesBack = 40;

/** An open room: what is said in it, where one writes, and who is in it. */
export function RoomPane({ roomId }: { roomId: string }) {
  const parley = useParley();
  const toasts = useToasts();
  const store = useMemo(() => parley.room(roomId), [parley, roomId]);
  const state = useObservable(store.state);
  const inbox = useObservable(parley.inbox);
  const item = inbox.rooms.find((room) => room.roomId === roomId);
  const mark = useUnreadMark(state, item);
  const root = useRef<HTMLElement>(null);
  const timeline = useRef<TimelineControls | undefined>(undefined);
  const [purpose, setPurpose] = useState<Purpose>(newMessage);
  const [removing, setRemoving] = useState<MessageItem>();
  const [picker, setPicker] = useState<PickerRequest>();
  const [showsMembers, setShowsMembers] = useState(false);
  useEffect(() => store.open(), [store]);

  const actions = useMemo<RoomActions>(() => {
    const failed = (error: unknown) => toasts.show(failureText(error), "failed");
    return {
      store,
      reply: (to) => setPurpose({ kind: "reply", to }),
      edit: (message) => setPurpose({ kind: "edit", message }),
      remove: setRemoving,
      toggleReaction({ seq, reactions }, emoji) {
        const isMine = reactions.some((reaction) => reaction.emoji === emoji && reaction.mine);
        (isMine ? store.unreact(seq, emoji) : store.react(seq, emoji)).catch(failed);
      },
      pickEmoji: (beside, onPick) => setPicker({ beside, onPick }),
      async showMessage(seq) {
        for (let page = 0; page < mostPagesBack; page++) {
          if (timeline.current?.show(seq)) return;
          const { messages, hasOlder } = store.state.get();
          if (!hasOlder || (messages[0] && messages[0].seq < seq)) break;
          try {
            await store.loadOlder();
          } catch (error) {
            return failed(error);
          }
          await new Promise(requestAnimationFrame);
        }
        toasts.show("That message is too far back to jump to.");
      },
      focusComposer: () => root.current?.querySelector<HTMLElement>(".composer-field")?.focus(),
    };
  }, [store, toasts]);

  const isReady = state.status === "ready";
  useEffect(() => {
    if (isReady && !matchMedia("(pointer: coarse)").matches) actions.focusComposer();
  }, [isReady, actions]);
  useShortcuts((event) => {
    if (event.key !== "Escape") return false;
    if (showsMembers) setShowsMembers(false);
    actions.focusComposer();
    return true;
  });

  const title = state.room?.name || item?.title || "Direct message";
  const editLast = () => {
    const last = state.messages.findLast((each) => each.kind === "message" && each.mine && !each.deleted);
    if (last?.kind === "message") setPurpose({ kind: "edit", message: last });
  };

  if (state.status === "gone") return <Gone />;
  return (
    <RoomContext.Provider value={actions}>
      <main class="room" ref={root} aria-label={title}>
        <RoomHeader
          state={state}
          title={title}
          otherUserId={item?.otherUserId}
          showsMembers={showsMembers}
          onToggleMembers={() => setShowsMembers(!showsMembers)}
        />
        {state.messages.length === 0 && state.status === "loading" && (
          <Skeleton rows={8} label="Loading messages" />
        )}
        {state.messages.length === 0 && state.status === "failed" && (
          <Empty icon="warning" title="The room couldn't be loaded">
            <p>{state.error && failureText(state.error)} It is tried again by itself.</p>
          </Empty>
        )}
        {(state.messages.length > 0 || isReady) && (
          <Timeline
            state={state}
            title={title}
            otherUserId={item?.otherUserId}
            unreadAfter={mark.after}
            controls={(controls) => {
              timeline.current = controls;
            }}
          />
        )}
        <TypingLine typing={state.typing} />
        <Composer
          purpose={purpose}
          placeholder={`Write to ${title}`}
          onDone={() => {
            setPurpose(newMessage);
            actions.focusComposer();
          }}
          onEditLast={editLast}
          onSent={() => {
            mark.clear();
            timeline.current?.toEnd();
          }}
        />
        <Announcer state={state} />
      </main>
      {showsMembers && <MembersPanel state={state} onClose={() => setShowsMembers(false)} />}
      {picker && <EmojiPicker request={picker} onClose={() => setPicker(undefined)} />}
      {removing && (
        <ConfirmDialog
          title="Delete this message?"
          verb="Delete"
          work={() => store.delete(removing.seq)}
          onClose={() => setRemoving(undefined)}
        >
          Its text is erased for everybody. This can't be undone.
        </ConfirmDialog>
      )}
    </RoomContext.Provider>
  );
}

function Gone() {
  return (
    <main class="room room-none">
      <Empty icon="leave" title="This room isn't open to you">
        <p>You have left it, were removed from it, or it no longer exists.</p>
        <a class="button" href="#/">
          Go to my rooms
        </a>
      </Empty>
    </main>
  );
}
