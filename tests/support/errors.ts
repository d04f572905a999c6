import { UserError, userErrorsOf } from '../../src/errors.js';

/**
 * The user errors that some work ends with. Fails the test where it ends well, or with anything that is not a user error.
 */
export async function userErrors(work: () => unknown): Promise<readonly UserError[]> {
  try {
    await work();
  } catch (error) {
    const errors = userErrorsOf(error);
    if (!errors) throw error;
    return errors;
  }
  throw new Error('no error was thrown');
}

/** The one user error that some work ends with. */
export async function userError(work: () => unknown): Promise<UserError> {
  const errors = await userErrors(work);
  if (errors.length !== 1 || !(errors[0] instanceof UserError))
    throw new Error(`expected one error, got ${errors.length}: ${errors.map(({ message }) => message).join('; ')}`);
  return errors[0];
}
