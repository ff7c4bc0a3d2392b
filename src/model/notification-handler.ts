/** `NotificationHandler<T>`: one method, for code that needs to know no more of the backbone. */

/** A receiver of notifications of one type: a component's own code, or a channel behind `backbone.notifier`. */
export interface NotificationHandler<T> {
  handleNotification(notification: T): Promise<void>;
}
