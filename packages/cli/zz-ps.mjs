import { presign } from "@instar/backend-s3";
const [bucket,key,seconds]=process.argv.slice(2);
console.log(presign({bucket,key,endpoint:process.env.S3_ENDPOINT,credentials:{accessKeyId:process.env.AWS_ACCESS_KEY_ID,secretAccessKey:process.env.AWS_SECRET_ACCESS_KEY},time:Date.now(),seconds:seconds&&Number(seconds)}));
