/** `NotificationHandler<T>`: for code that wants to know nothing but one method. */

/** Anything that takes notifications of one type: a component's own code, or a channel behind `backbone.notifier`. */
export interface NotificationHandler<T> {
  handleNotification(notification: T): Promise<void>;
}
