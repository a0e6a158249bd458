const pageSize = 200;

/** The pages of a list, each asked for when the one before is dealt with, to the list's end. */
export async function* pagesOf<Page extends { readonly nextPageToken: string }>(
  ask: (page: { pageSize: number; pageToken: string }) => Promise<Page>,
): AsyncGenerator<Page> {
  for (let pageToken = ""; ; ) {
    const page = await ask({ pageSize, pageToken });
    yield page;
    pageToken = page.nextPageToken;
    if (pageToken === "") return;
  }
}
