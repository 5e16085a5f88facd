// A handler as one deploys it to AWS.
export const handler = async (event) => {
  console.log(`rendering report ${event.report}`);
  await new Promise((resolve) => setTimeout(resolve, 1000 * (event.seconds ?? 0)));
  return { rendered: event.report };
};
